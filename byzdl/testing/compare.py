"""What tests compare: the tensors in a structure, their bits, and where rows of models differ."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from byzdl.testing.contract import BrokenError


def tensors(value: Any) -> list[Tensor]:
    """All tensors in a tensor, a record, a (named) tuple, a list or a dictionary of them, in order.

    >>> [t.item() for t in tensors({"a": torch.tensor(1), "b": (torch.tensor(2), "text")})]
    [1, 2]
    """
    if isinstance(value, Tensor):
        return [value]
    if is_dataclass(value) and not isinstance(value, type):
        return [t for field in fields(value) for t in tensors(getattr(value, field.name))]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [t for item in value for t in tensors(item)]
    return []


def copied(value: Any) -> list[Tensor]:
    """Copies of all tensors in a structure."""
    return [t.clone() for t in tensors(value)]


def same_bits(a: Any, b: Any) -> bool:
    """Whether the tensors of two structures hold the same bits.

    >>> nan = torch.tensor(torch.nan)
    >>> same_bits((nan, nan), [nan, nan]), same_bits(torch.zeros(2), torch.zeros(2, dtype=torch.float64))
    (True, False)
    """
    left, right = tensors(a), tensors(b)
    return len(left) == len(right) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.numpy().tobytes() == y.numpy().tobytes()
        for x, y in zip(left, right, strict=True)
    )


def difference(
    found: Tensor,
    expected: Tensor,
    what: str = "learner",
    *,
    numbers: Sequence[int] | None = None,
    rtol: float = 1e-4,
    atol: float = 1e-5,
) -> str | None:
    """Where rows differ, in words: the first such row and its largest difference; None where all are close.

    - `found`, `expected` [m, ...]: NaN and infinities are equal to themselves
    - `what`: what a row belongs to
    - `numbers`: the rows' numbers; 0, 1, 2, ... by default

    >>> difference(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 2.0], [3.0, 4.5]]))
    'learner 1 differs by 0.5'
    """
    if found.shape != expected.shape:
        return f"its shape is {list(found.shape)} in place of {list(expected.shape)}"
    close = torch.isclose(found.double(), expected.double(), rtol=rtol, atol=atol, equal_nan=True).flatten(1).all(1)
    if close.all():
        return None
    first = int((~close).nonzero()[0])
    gap = (found[first].double() - expected[first].double()).abs().nan_to_num(torch.inf).max()
    return f"{what} {numbers[first] if numbers else first} differs by {gap:.2g}"


@contextmanager
def leaves_global_random_state(method: str) -> Iterator[None]:
    """Blames a method that draws from the global random state of torch, numpy or Python.

    >>> with leaves_global_random_state("aggregate"):
    ...     torch.rand(1)
    Traceback (most recent call last):
    byzdl.testing.contract.BrokenError: draws from torch's global random state, but must draw from a stream of its own
    """
    before = _random_states()
    yield
    drawn = [name for name, state in _random_states().items() if state != before[name]]
    if drawn:
        raise BrokenError(
            method, f"draws from {drawn[0]}'s global random state, but must draw from a stream of its own"
        )


def _random_states() -> dict[str, Any]:
    _, words, position, *_ = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (np.asarray(words).tobytes(), position),
        "Python": random.getstate(),
    }
