"""The convolutional network of the paper."""

from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from byzdl.config.types import Count, takes
from byzdl.models.base import Model
from byzdl.samples import Kind, Sample


class Cnn(Model):
    """Builds the paper's network: two convolutions and two linear layers.

    Each convolution is 3x3 with padding, followed by 2x2 max-pooling and ReLU. The paper gives no widths; the defaults
    are byzdl's own.

    - `channels`: the widths of the convolutions
    - `hidden`: the width of the first linear layer
    """

    reads: ClassVar[tuple[Kind, ...]] = ("image",)

    channels: Annotated[
        list[int],
        takes("a list of two integers, each at least 1", lambda v: len(v) == 2 and min(v) >= 1),
    ] = Field(default=[32, 64])
    hidden: Count = 128

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        (channels, height, width), (first, second) = sample.shape, self.channels
        return nn.Sequential(
            PooledConvolution(channels, first),
            PooledConvolution(first, second),
            nn.Flatten(),
            nn.Linear(second * (height // 4) * (width // 4), self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, outputs),
        )


class PooledConvolution(nn.Conv2d):
    """Applies a 3x3 convolution with padding, 2x2 max-pooling and ReLU.

    >>> PooledConvolution(channels=1, width=4)(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 4, 4, 4])
    """

    def __init__(self, channels: int, width: int):
        super().__init__(channels, width, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Maps images [b, channels, height, width] to [b, width, height/2, width/2]."""
        # Pooling before ReLU computes the same function, and ReLU then has a quarter of the work.
        if not torch.is_grad_enabled():
            return F.max_pool2d(super().forward(images), 2).relu_()
        # Within the convolution the bias costs nothing, but its gradient is a sum over all values.
        # The bias commutes with pooling; after it, the sum is over a quarter of them.
        pooled = F.max_pool2d(F.conv2d(images, self.weight, padding=1), 2)
        assert self.bias is not None
        return (pooled + self.bias[:, None, None]).relu_()
