"""The paper's network."""

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from byzdl.config.types import Count, takes
from byzdl.models.base import Model, Shape


class Cnn(Model):
    """Two convolutions and two linear layers, as the paper says; it gives no widths.

    3x3 convolutions with padding, each followed by 2x2 max-pooling and ReLU.

    - `channels`: the widths of the convolutions
    - `hidden`: the width of the first linear layer
    """

    channels: Annotated[
        list[int],
        takes("two integers, at least 1 each", lambda v: len(v) == 2 and min(v) >= 1),
    ] = Field(default=[32, 64])
    hidden: Count = 128

    def build(self, shape: Shape, classes: int) -> nn.Module:
        (channels, height, width), (first, second) = shape, self.channels
        return nn.Sequential(
            PooledConvolution(channels, first),
            PooledConvolution(first, second),
            nn.Flatten(),
            nn.Linear(second * (height // 4) * (width // 4), self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, classes),
        )


class PooledConvolution(nn.Conv2d):
    """A 3x3 convolution with padding, 2x2 max-pooling and ReLU."""

    def __init__(self, channels: int, width: int):
        super().__init__(channels, width, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """[b, channels, height, width] to [b, width, height/2, width/2]."""
        # Pooling before ReLU is the same function at a quarter of the ReLU's work.
        if not torch.is_grad_enabled():
            return F.max_pool2d(super().forward(images), 2).relu_()
        # Adding the bias costs nothing within the convolution, but its gradient is a sum over all values:
        # after pooling, which it commutes with, over a quarter of them.
        pooled = F.max_pool2d(F.conv2d(images, self.weight, padding=1), 2)
        assert self.bias is not None
        return (pooled + self.bias[:, None, None]).relu_()
