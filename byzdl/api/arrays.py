"""Models as torch or numpy."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from byzdl.config.types import ConfigError

Array = Tensor | NDArray[Any] | list[Any]


def vector(name: str, given: Array) -> Tensor:
    """A model [d] as a tensor of floats.

    **Raises:** `ConfigError` for another shape.
    """
    found = _floats(given)
    if found.ndim != 1:
        raise ConfigError(f"{name} is of shape {list(found.shape)}, but must be one model [d]")
    return found


def matrix(name: str, given: Array, of: Tensor | None = None) -> Tensor:
    """Models [k, d] as a tensor of floats, of the same d as another one.

    **Raises:** `ConfigError` for another shape.
    """
    found = _floats(given)
    if found.ndim != 2 or (of is not None and found.shape[1] != of.shape[-1]):
        d = "" if of is None else f" with d = {of.shape[-1]}"
        raise ConfigError(f"{name} is of shape {list(found.shape)}, but must be models [k, d]{d}")
    return found if of is None else found.to(of.dtype)


def like(given: Array, value: Tensor) -> Any:
    """A tensor as the kind of array that was given: torch as it is, anything else as numpy."""
    return value if isinstance(given, Tensor) else value.numpy()


def _floats(given: Array) -> Tensor:
    found = given if isinstance(given, Tensor) else torch.from_numpy(np.array(given))
    return found if found.is_floating_point() else found.float()
