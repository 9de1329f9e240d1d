"""Checkpoints: a simulation's state in one file, with a checksum.

The file is the checksum, a newline, and the output of `torch.save` for plain containers and tensors. It is read with
`weights_only`, so that loading a checkpoint runs no code.
"""

import hashlib
import io
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from byzdl.files import replace_file

log = logging.getLogger("byzdl")


class Clock:
    """Tells when the next checkpoint is due.

    - `every`: a number of rounds (100), or of seconds (`60s`)

    >>> clock = Clock(100)
    >>> clock.due(round=50), clock.due(round=200)
    (False, True)
    """

    def __init__(self, every: int | str):
        self.rounds = every if isinstance(every, int) else None
        self.seconds = float(every.removesuffix("s")) if isinstance(every, str) else 0.0
        self._last = time.monotonic()

    def due(self, round: int) -> bool:
        """Tells whether a checkpoint is due after a round. If one is, the caller must write it."""
        if self.rounds is not None:
            return round % self.rounds == 0
        now = time.monotonic()  # A wall clock can be set back.
        if now - self._last < self.seconds:
            return False
        self._last = now
        return True


def save(file: Path, content: Mapping[str, Any]) -> None:
    """Writes plain containers and tensors as a whole or not at all. `load` reads them back.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     save(Path(folder) / "checkpoint", {"round": 7, "models": torch.zeros(2)})
    ...     load(Path(folder) / "checkpoint")
    {'round': 7, 'models': tensor([0., 0.])}
    """
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    data = buffer.getbuffer()
    replace_file(file, hashlib.sha256(data).hexdigest().encode() + b"\n", data)


def load(file: Path) -> dict[str, Any] | None:
    """Reads what `save` wrote; None if there is no file.

    A file that is damaged, or that holds more than plain containers and tensors, is set aside, and counts as none.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    checksum, _, payload = data.partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() == checksum:
        with suppress(UnpicklingError):  # The file is whole, but holds other classes.
            content = torch.load(io.BytesIO(payload), weights_only=True)
            if isinstance(content, dict):
                return content
    set_aside(file, "cannot be read")
    return None


def set_aside(file: Path, why: str) -> None:
    """Renames a checkpoint to `checkpoint.aside`, so that no run ever continues from it, and warns.

    - `why`: what is wrong with it, worded to follow "the checkpoint"
    """
    aside = file.with_suffix(".aside")
    file.replace(aside)
    log.warning("the checkpoint %s, so the run starts over; the file is kept as %s", why, aside)


def to_plain(state: Any) -> Any:
    """Turns a state into plain containers: named tuples into tuples, with all tensors on the CPU.

    >>> from typing import NamedTuple
    >>> class Tally(NamedTuple):
    ...     rounds: int
    >>> to_plain({"tally": Tally(3)})
    {'tally': (3,)}
    """
    if isinstance(state, torch.Tensor):
        return state.cpu()
    if isinstance(state, Mapping):
        return {key: to_plain(value) for key, value in state.items()}
    if isinstance(state, tuple):
        return tuple(to_plain(value) for value in state)
    if isinstance(state, list):
        return [to_plain(value) for value in state]
    return state


def like(first: Any, plain: Any, device: torch.device) -> Any:
    """Inverts `to_plain`, with the named tuples of another state.

    - `first`: the run's first state, of the same structure
    - `plain`: the plain containers
    - `device`: where the tensors go

    >>> from typing import NamedTuple
    >>> class Tally(NamedTuple):
    ...     rounds: int
    >>> like({"tally": Tally(0)}, {"tally": (3,)}, torch.device("cpu"))
    {'tally': Tally(rounds=3)}
    """
    if isinstance(plain, torch.Tensor):
        return plain.to(device)
    if isinstance(plain, dict):
        named = first if isinstance(first, Mapping) else {}
        return {key: like(named.get(key), value, device) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        known = first if isinstance(first, list | tuple) and len(first) == len(plain) else [None] * len(plain)
        values = [like(one, value, device) for one, value in zip(known, plain, strict=True)]
        if isinstance(first, tuple) and hasattr(first, "_fields"):
            return type(first)(*values)
        return type(plain)(values)
    return plain
