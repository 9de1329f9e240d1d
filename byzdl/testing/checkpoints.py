"""A state's way through a checkpoint and back."""

import logging
import tempfile
from pathlib import Path
from typing import Any

import torch

from byzdl.runs import checkpoint
from byzdl.testing.compare import same_bits
from byzdl.testing.contract import BrokenError


def survives_a_checkpoint(first: Any, state: Any, words: str = "") -> Any:
    """The state as a run has it that goes on from a checkpoint.

    - `first`: the state before the first round, which such a run makes anew
    - `words`: put behind a finding

    **Raises:** `BrokenError` for a state of anything but tensors, numbers and plain containers.

    >>> survives_a_checkpoint((torch.zeros(2), 0), (torch.ones(2), 3))
    (tensor([1., 1.]), 3)
    """
    kept = _kept(state)
    if kept is None:
        must = "must be tensors, numbers, and tuples, lists or dictionaries of them"
        raise BrokenError(
            "init", f"makes a state that a checkpoint cannot hold, a {type(state).__name__}, but it {must}{words}"
        )
    again = checkpoint.like(first, kept["state"], torch.device("cpu"))
    if type(again) is not type(state) or not same_bits(again, state):
        came = f"comes back from a checkpoint as a {type(again).__name__}"
        raise BrokenError("init", f"makes a state that {came}, but must stay a {type(state).__name__}{words}")
    return again


def _kept(state: Any) -> dict[str, Any] | None:
    """What a checkpoint keeps of the state; None where it cannot."""
    log = logging.getLogger("byzdl")
    with tempfile.TemporaryDirectory() as folder:
        file, before = Path(folder) / "checkpoint.pt", log.disabled
        log.disabled = True  # the finding says all that the log would
        try:
            checkpoint.save(file, {"state": checkpoint.to_plain(state)})
            return checkpoint.load(file)
        except Exception:
            return None
        finally:
            log.disabled = before
