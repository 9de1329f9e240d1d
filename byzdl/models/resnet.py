"""The residual networks for CIFAR, with group norm in place of batch norm."""

from typing import Annotated, ClassVar

import torch.nn.functional as F
from pydantic import model_validator
from torch import Tensor, nn

from byzdl.config.types import ConfigError, Count, takes
from byzdl.models.base import Model
from byzdl.models.layers import GlobalAverage
from byzdl.samples import Kind, Sample


class ResNet(Model):
    """Builds a residual network of 6n + 2 layers for small images, with group normalisation.

    The layers are a 3x3 convolution, three stages, average pooling over the remaining pixels, and a linear layer. A
    stage is n blocks of two 3x3 convolutions. The stages have `width`, 2 `width` and 4 `width` channels; the second and
    the third begin with a stride of 2. Shortcuts have no parameters. Where a stage begins, they take every other pixel,
    and zeros for the new channels (option A). Convolutions have no bias, and He's initialisation. Images can have any
    shape.

    - `depth`: 6n + 2, the number of layers with weights; 20 is the smallest in the paper
    - `width`: channels of the first stage
    - `groups`: of every norm, a divisor of `width`

    **Source:** K. He et al., *Deep residual learning for image recognition* (CVPR 2016), section 4.2, with the group norm
    of Y. Wu and K. He, *Group normalization* (ECCV 2018), in place of batch norm. The running statistics of a batch norm
    are no parameters, and nodes with different data would not agree on them.
    """

    reads: ClassVar[tuple[Kind, ...]] = ("image",)

    depth: Annotated[int, takes("6n + 2: 8, 14, 20, 26, 32, ...", lambda v: v >= 8 and v % 6 == 2)] = 20
    width: Count = 16
    groups: Count = 8

    @model_validator(mode="after")
    def _divides(self) -> "ResNet":
        if self.width % self.groups:
            raise ConfigError.of("groups", self.groups, f"a divisor of width={self.width}")
        return self

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        blocks, first = self.depth // 6, _convolution(sample.shape[0], self.width)
        layers: list[nn.Module] = [first, nn.GroupNorm(self.groups, self.width), nn.ReLU()]
        before = self.width
        for stage in range(3):
            width = self.width * 2**stage
            for block in range(blocks):
                layers.append(Block(before, width, self.groups, stride=2 if stage > 0 and block == 0 else 1))
                before = width
        return nn.Sequential(*layers, GlobalAverage(), nn.Flatten(), nn.Linear(before, outputs))


class Block(nn.Module):
    """Adds a shortcut to two convolutions with norms."""

    def __init__(self, before: int, width: int, groups: int, stride: int):
        super().__init__()
        self.first = _convolution(before, width, stride)
        self.first_norm = nn.GroupNorm(groups, width)
        self.second = _convolution(width, width)
        self.second_norm = nn.GroupNorm(groups, width)
        self.stride, self.new = stride, width - before

    def forward(self, images: Tensor) -> Tensor:
        """Maps [b, before, height, width] to [b, width, height / stride, width / stride], rounded up."""
        inner = F.relu(self.first_norm(self.first(images)))
        shortcut = F.pad(images[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))
        return F.relu(self.second_norm(self.second(inner)) + shortcut)


def _convolution(before: int, width: int, stride: int = 1) -> nn.Conv2d:
    convolution = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return convolution
