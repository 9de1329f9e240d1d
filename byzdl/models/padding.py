"""Padding: the tokens that fill short texts up, and that networks leave out."""

from typing import Annotated

import torch
from torch import Tensor

from byzdl.config.types import ConfigError, takes
from byzdl.samples import Sample

Padding = Annotated[int | None, takes("null, or an integer, at least 0", lambda v: v is None or v >= 0)]


def check_padding(padding: int | None, sample: Sample) -> None:
    """Refuses a token that the data cannot have.

    **Raises:** `ConfigError` for it.

    >>> check_padding(0, Sample((5,), "tokens", vocabulary=3))
    """
    if padding is not None and padding >= sample.vocabulary:
        takes = f"null, or one of 0 .. {sample.vocabulary - 1}, the tokens of the data"
        raise ConfigError.of("model.padding", padding, takes)


def counting(tokens: Tensor, padding: int | None) -> Tensor:
    """Marks the tokens [b, length] that are no padding; all of them without a token for it.

    >>> counting(torch.tensor([[4, 0, 0]]), padding=0)
    tensor([[ True, False, False]])
    """
    return torch.ones_like(tokens, dtype=torch.bool) if padding is None else tokens != padding


def mean_of(values: Tensor, counted: Tensor) -> Tensor:
    """Returns the mean of values [b, length, width] over the counted positions [b, length]; 0 where there are none.

    >>> mean_of(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """
    shares = counted.to(values.dtype)
    return (values * shares[..., None]).sum(1) / shares.sum(1, keepdim=True).clamp(min=1)
