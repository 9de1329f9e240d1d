"""The classifiers of torchvision, by name."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import torch
from pydantic import field_validator
from torch import Tensor, nn

from byzdl.config.types import ConfigError, Count
from byzdl.models.base import Model
from byzdl.models.layers import GlobalAverage
from byzdl.samples import Kind, Sample

L = TypeVar("L", bound=nn.Module)


class TorchvisionModel(Model):
    """Builds a classifier of torchvision.models, without pretrained weights.

    The network is in evaluation mode: without dropout and stochastic depth. Most of these networks have batch norms,
    and running statistics are no parameters. So each batch norm becomes a group norm (Y. Wu and K. He, *Group
    normalization*, ECCV 2018), with the same scale and shift, of as many groups as have `group_size` channels or more.
    All batch norms are BatchNorm2d; torchvision has others in its video networks alone, which are no choice here.

    Grey images are repeated into the three channels of these networks. These networks are refused:

    - networks with other buffers (swin, maxvit)
    - networks with parameters that have no influence on the output (the auxiliary heads of googlenet and inception_v3)
    - networks that cannot compute on images of the data's size: most were made for 224 x 224

    Keys:

    - `arch`: the network's name in torchvision.models
    - `norm`: `group` for group norms in place of batch norms; `none` for unchanged ones, which refuses networks with
      batch norms
    - `group_size`: the least number of channels in a group. The number of groups is the largest divisor of a layer's
      width that leaves each group this many; a narrower layer is one group. On a map of one pixel, a group of two would keep
      nothing but a sign
    """

    reads: ClassVar[tuple[Kind, ...]] = ("image",)

    arch: str
    norm: Literal["group", "none"] = "group"
    group_size: Count = 16

    @field_validator("arch")
    @classmethod
    def _known(cls, arch: str) -> str:
        # Importing torchvision takes seconds, so only the users of this model should wait for it.
        from torchvision import models

        known = models.list_models(module=models)
        if arch not in known:
            raise ConfigError.unknown("arch", arch, known, kind="a classifier of torchvision.models")
        return arch

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        channels, *size = sample.shape
        if channels not in (1, 3):
            takes = (
                f"replaced by another model: images have {channels} channels, and torchvision's networks take 1 or 3"
            )
            raise self._refused(takes)
        network = self._network(outputs)
        replace(network, nn.AdaptiveAvgPool2d, _averaged)
        if self.norm == "group":
            replace(network, nn.BatchNorm2d, self._grouped)
        if buffers := [name for name, _ in network.named_buffers()]:
            other = "combined with model.norm=group, or be " if self.norm == "none" else ""
            raise self._refused(f"{other}a network without buffers, as all nodes would share them ({buffers[0]})")
        self._try(network.eval(), size, outputs)
        return Coloured(network)

    def _network(self, outputs: int) -> nn.Module:
        from torchvision import models

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of future changes of the initialisation
            network: nn.Module = models.get_model(self.arch, weights=None, num_classes=outputs)
        return network

    def _grouped(self, norm: nn.BatchNorm2d) -> nn.GroupNorm:
        width = norm.num_features
        sizes = (size for size in range(self.group_size, width) if width % size == 0)
        grouped = nn.GroupNorm(width // next(sizes, width), width, norm.eps, norm.affine)
        grouped.weight, grouped.bias = norm.weight, norm.bias
        return grouped

    def _try(self, network: nn.Module, size: Sequence[int], outputs: int) -> None:
        """Refuses a network without an output for such images, and one with parameters that have no influence on it."""
        try:
            answer = network(torch.zeros(2, 3, *size))
        except (RuntimeError, ValueError, AssertionError) as error:
            reason = " ".join(str(error).split())
            raise self._refused(f"a network for images of {size[0]} x {size[1]} ({reason})") from error
        if not isinstance(answer, Tensor) or answer.shape != (2, outputs):
            raise self._refused("a network with logits as its only output")
        parameters = dict(network.named_parameters())
        gradients = torch.autograd.grad(answer.sum(), list(parameters.values()), allow_unused=True)
        if unused := [name for name, gradient in zip(parameters, gradients, strict=True) if gradient is None]:
            raise self._refused(
                f"a network in which every parameter has an influence on the output ({unused[0]} has none)"
            )

    def _refused(self, takes: str) -> ConfigError:
        return ConfigError.of("model.arch", self.arch, takes)


class Coloured(nn.Module):
    """Repeats grey images [b, 1, height, width] into [b, 3, height, width], for a network of three channels."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        return self.network(images.expand(-1, 3, -1, -1))


def _averaged(pool: nn.AdaptiveAvgPool2d) -> nn.Module:
    return GlobalAverage() if pool.output_size in (1, (1, 1)) else pool


def replace(module: nn.Module, kind: type[L], make: Callable[[L], nn.Module]) -> None:
    """Replaces all layers of a kind within a module, in place. The module itself must be of another kind.

    - `make`: makes the new layer from the old one

    >>> network = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> replace(network, nn.ReLU, lambda relu: nn.Tanh())
    >>> network[1]
    Tanh()
    """
    for name, child in module.named_children():
        if isinstance(child, kind):
            setattr(module, name, make(child))
        else:
            replace(child, kind, make)
