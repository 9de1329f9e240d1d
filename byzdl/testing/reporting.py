"""What a component tells the logs: named columns, and facts for run.json."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import torch

from byzdl.config.columns import TAKEN
from byzdl.config.types import RuleError
from byzdl.testing.contract import BrokenError, calling


def check_report(reported: Mapping[str, Any], shapes: tuple[tuple[int, ...], ...], at: str = "") -> None:
    """Refuses names that are taken, and values of other shapes.

    >>> check_report({"theta": torch.zeros(3)}, ((3,), (3, 2)))
    """
    for name, values in reported.items():
        if name in TAKEN - {"theta"}:
            raise BrokenError("report", f"names a column {name!r}, but must name it otherwise: that name is taken{at}")
        if not isinstance(values, torch.Tensor) or tuple(values.shape) not in shapes:
            got = list(values.shape) if isinstance(values, torch.Tensor) else f"a {type(values).__name__}"
            wanted = " or ".join(str(list(shape)) for shape in shapes)
            raise BrokenError("report", f"{name} is {got}, but must be a tensor {wanted}{at}")


def check_facts(facts: Callable[[], Mapping[str, Any]]) -> None:
    """Refuses facts that JSON cannot hold.

    >>> check_facts(lambda: {"f": {0: 1}})
    """
    with calling("facts"):
        told = facts()
        try:
            json.dumps(dict(told))
        except (TypeError, ValueError) as error:
            raise RuleError(f"returns what JSON cannot hold ({error}), but must return texts and numbers") from error
