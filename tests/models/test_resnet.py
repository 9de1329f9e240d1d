"""The residual network against one written out with nothing but sums."""

from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from helpers import chosen
from torch import Tensor

from byzdl.config.types import ConfigError
from byzdl.models import ResNet, initialised
from byzdl.samples import Sample


def normalised(maps: Tensor, groups: int, parameters: Iterator[Tensor]) -> Tensor:
    """Group norm from its definition (Wu and He, eq. 1-3 and 7)."""
    scale, shift = next(parameters), next(parameters)
    grouped = maps.reshape(len(maps), groups, -1)
    centred = grouped - grouped.mean(2, keepdim=True)
    grouped = centred / (centred.square().mean(2, keepdim=True) + 1e-5).sqrt()
    return grouped.reshape(maps.shape) * scale[:, None, None] + shift[:, None, None]


def answered(images: Tensor, parameters: Iterator[Tensor], blocks: int, groups: int) -> Tensor:
    """The logits of a network of 6 `blocks` + 2 layers with these parameters, in the order of its layers."""
    maps = normalised(F.conv2d(images, next(parameters), padding=1), groups, parameters).clamp(min=0)
    for stage in range(3):
        for block in range(blocks):
            first = stage > 0 and block == 0
            inner = F.conv2d(maps, next(parameters), stride=2 if first else 1, padding=1)
            inner = normalised(inner, groups, parameters).clamp(min=0)
            inner = normalised(F.conv2d(inner, next(parameters), padding=1), groups, parameters)
            if first:  # every other pixel, and as many channels of zeros again
                maps = F.max_pool2d(maps, 1, stride=2)
                maps = torch.cat([maps, torch.zeros_like(maps)], dim=1)
            maps = (inner + maps).clamp(min=0)
    features = maps.flatten(2).sum(2) / maps[0, 0].numel()
    weight, bias = next(parameters), next(parameters)
    assert next(parameters, None) is None
    return features @ weight.T + bias


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 9, 6), (2, 1, 1)])
def test_it_is_the_papers_network_with_group_norm(shape: tuple[int, int, int]) -> None:
    module = initialised(ResNet(name="resnet", depth=14, width=4, groups=2), Sample(shape), 5, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():  # scales that are not 1, and shifts that are not 0
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
        images = torch.randn(4, *shape, generator=generator)
        torch.testing.assert_close(module(images), answered(images, iter(module.parameters()), blocks=2, groups=2))


def test_at_depth_20_it_has_the_papers_parameters() -> None:
    """0.27 million (table 6 of the paper): 19 convolutions with their norms, and a linear layer."""
    kernels = 9 * (3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64)
    module = initialised(chosen("model", "resnet"), Sample((3, 32, 32)), 10, seed=0)
    assert sum(p.numel() for p in module.parameters()) == kernels + 2 * (7 * 16 + 6 * 32 + 6 * 64) + 64 * 10 + 10


def test_its_kernels_have_hes_initialisation() -> None:
    module = initialised(ResNet(name="resnet", depth=8, width=32, groups=8), Sample((3, 8, 8)), 10, seed=0)
    for kernel in (p for p in module.parameters() if p.ndim == 4):
        assert kernel.std().item() == pytest.approx((2 / (9 * kernel.shape[1])) ** 0.5, rel=0.1)


@pytest.mark.parametrize("depth", [2, 18, 21, 110.5])
def test_a_depth_that_is_none_is_refused(depth: float) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.depth is {depth}, but must be 6n \+ 2: 8, 14, 20"):
        chosen("model", "resnet", depth=depth)


def test_groups_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match=r"^model\.groups is 6, but must be a divisor of width=16$"):
        chosen("model", "resnet", groups=6)
