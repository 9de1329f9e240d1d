"""The classifiers that torchvision knows by name."""

import warnings
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import torch
from pydantic import field_validator
from torch import Tensor, nn

from byzdl.config.types import ConfigError, Count
from byzdl.models.base import Model, Shape
from byzdl.models.layers import GlobalAverage

L = TypeVar("L", bound=nn.Module)


class TorchvisionModel(Model):
    """A classifier of torchvision.models, not pretrained, and in evaluation mode: without dropout and stochastic depth.

    Most have batch norms (BatchNorm2d; torchvision has others in its video networks alone, which are no choice here), whose
    running statistics are no parameters: each becomes a group norm (Y. Wu and K. He, *Group
    normalization*, ECCV 2018), with the same scale and shift, of as many groups as have `group_size` channels or more.

    Grey images are repeated into the three channels that these networks are made for. Refused are names of which the
    network has other buffers (swin, maxvit), parameters that its answer does not depend on (the auxiliary heads of
    googlenet and inception_v3), or no use for images of the data's size: most were made for 224 x 224.

    - `arch`: its name in torchvision.models
    - `norm`: `group`, or `none` to leave batch norms as they are, which is refused where there are any
    - `group_size`: channels of a group, at least: the number of groups is the largest divisor of a layer's width that
      leaves so many; a narrower layer is one group. On a map of one pixel, groups of two would only keep a sign
    """

    arch: str
    norm: Literal["group", "none"] = "group"
    group_size: Count = 16

    @field_validator("arch")
    @classmethod
    def _known(cls, arch: str) -> str:
        # Seconds that only those who ask for it should wait.
        from torchvision import models

        known = models.list_models(module=models)
        if arch not in known:
            raise ConfigError.unknown("arch", arch, known, kind="a classifier of torchvision.models")
        return arch

    def build(self, shape: Shape, classes: int) -> nn.Module:
        if shape[0] not in (1, 3):
            raise self._refused(f"images of 1 or 3 channels, and these have {shape[0]}")
        network = self._network(classes)
        replace(network, nn.AdaptiveAvgPool2d, _averaged)
        if self.norm == "group":
            replace(network, nn.BatchNorm2d, self._grouped)
        if buffers := [name for name, _ in network.named_buffers()]:
            other = "model.norm=group beside it, or " if self.norm == "none" else ""
            raise self._refused(f"{other}a network without buffers, which nodes would share ({buffers[0]})")
        self._try(network.eval(), shape, classes)
        return Coloured(network)

    def _network(self, classes: int) -> nn.Module:
        from torchvision import models

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of initialisations that will be others
            network: nn.Module = models.get_model(self.arch, weights=None, num_classes=classes)
        return network

    def _grouped(self, norm: nn.BatchNorm2d) -> nn.GroupNorm:
        width = norm.num_features
        sizes = (size for size in range(self.group_size, width) if width % size == 0)
        grouped = nn.GroupNorm(width // next(sizes, width), width, norm.eps, norm.affine)
        grouped.weight, grouped.bias = norm.weight, norm.bias
        return grouped

    def _try(self, network: nn.Module, shape: Shape, classes: int) -> None:
        """Refuse what cannot answer for such images, or not as a function of all its parameters."""
        try:
            answer = network(torch.zeros(2, 3, *shape[1:]))
        except (RuntimeError, ValueError, AssertionError) as error:
            reason = " ".join(str(error).split())
            raise self._refused(f"a network for images of {shape[1]} x {shape[2]} ({reason})") from error
        if not isinstance(answer, Tensor) or answer.shape != (2, classes):
            raise self._refused("a network that answers with logits alone")
        parameters = dict(network.named_parameters())
        gradients = torch.autograd.grad(answer.sum(), list(parameters.values()), allow_unused=True)
        if idle := [name for name, gradient in zip(parameters, gradients, strict=True) if gradient is None]:
            raise self._refused(f"a network of which every parameter counts ({idle[0]} does not)")

    def _refused(self, takes: str) -> ConfigError:
        return ConfigError.of("model.arch", self.arch, takes)


class Coloured(nn.Module):
    """A network for images of three channels, which sees grey ones [b, 1, height, width] as [b, 3, height, width]."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        return self.network(images.expand(-1, 3, -1, -1))


def _averaged(pool: nn.AdaptiveAvgPool2d) -> nn.Module:
    return GlobalAverage() if pool.output_size in (1, (1, 1)) else pool


def replace(module: nn.Module, kind: type[L], make: Callable[[L], nn.Module]) -> None:
    """Put what is made of them into the place of all layers of a kind, in a module that is not one itself."""
    for name, child in module.named_children():
        if isinstance(child, kind):
            setattr(module, name, make(child))
        else:
            replace(child, kind, make)
