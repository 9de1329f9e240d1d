"""Checkpoints: a simulation's state as one file that is whole or not trusted.

The file is a checksum, a newline, and what `torch.save` makes of plain containers and
tensors. It is read with `weights_only`: loading one runs no code.
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

    - `every`: so many rounds, `100`, or seconds, `60s`
    """

    def __init__(self, every: int | str):
        self.rounds = every if isinstance(every, int) else None
        self.seconds = float(every.removesuffix("s")) if isinstance(every, str) else 0.0
        self._last = time.monotonic()

    def due(self, round: int) -> bool:
        """Whether one is due after so many rounds; it counts as written."""
        if self.rounds is not None:
            return round % self.rounds == 0
        now = time.monotonic()  # no clock on the wall: that one can be set back
        if now - self._last < self.seconds:
            return False
        self._last = now
        return True


def save(file: Path, content: Mapping[str, Any]) -> None:
    """Write plain containers and tensors, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    data = buffer.getbuffer()
    replace_file(file, hashlib.sha256(data).hexdigest().encode() + b"\n", data)


def load(file: Path) -> dict[str, Any] | None:
    """What was saved, or None where there is nothing; a file that cannot be trusted is set aside."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    checksum, _, payload = data.partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() == checksum:
        with suppress(UnpicklingError):  # whole, but not of tensors and plain containers alone
            content = torch.load(io.BytesIO(payload), weights_only=True)
            if isinstance(content, dict):
                return content
    set_aside(file, "cannot be read")
    return None


def set_aside(file: Path, why: str) -> None:
    """Keep a file, but not as a checkpoint: nothing goes on from it, whatever it may come to fit."""
    aside = file.with_suffix(".aside")
    file.replace(aside)
    log.warning("the checkpoint %s: the run starts over; it is kept as %s", why, aside)


def to_plain(state: Any) -> Any:
    """A state as plain containers: named tuples become tuples, tensors lie on the CPU."""
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
    """The inverse of `to_plain`: with the named tuples of the run's first state, on its device."""
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
