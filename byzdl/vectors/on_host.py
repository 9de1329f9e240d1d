"""Values for what only a processor computes."""

from typing import Any

from numpy.typing import NDArray
from torch import Tensor


def on_host(values: Tensor) -> NDArray[Any]:
    """Copies values from the device, as numpy. The host waits for them.

    >>> import torch
    >>> on_host(torch.tensor([1.0, 2.0]))
    array([1., 2.], dtype=float32)
    """
    # A copy even from a processor, so that tests without a GPU see who waits.
    return values.to("cpu", copy=True).numpy()
