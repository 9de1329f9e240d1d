"""Layers of several networks."""

from torch import Tensor, nn


class GlobalAverage(nn.Module):
    """Averages over all pixels. Torch cannot compute its own adaptive pooling to one pixel for many models at once.

    >>> import torch
    >>> GlobalAverage()(torch.tensor([[[[1.0, 3.0]]]]))
    tensor([[[[2.]]]])
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Maps [b, channels, height, width] to [b, channels, 1, 1]."""
        return maps.mean((2, 3), keepdim=True)
