"""Questions that the host asks about values, without waiting for a device."""

from torch import Tensor


def possible(mask: Tensor) -> list[bool]:
    """Lists which entries of a mask [n] may be true: on a processor those that are, on a GPU all.

    On a GPU the host would have to wait for the answer. A loop skips what it may skip, and has the same result if it
    skips nothing.

    >>> import torch
    >>> possible(torch.tensor([True, False]))
    [True, False]
    """
    return [True] * len(mask) if waits(mask) else mask.tolist()


def waits(values: Tensor) -> bool:
    """Tells whether the host would have to wait for a device to know the values."""
    return values.is_cuda
