"""Small networks. Any module without buffers will do: its parameters become one flat vector."""

import itertools
import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from byzdl.schema import Component, Count, takes
from byzdl.streams import torch_seed

Shape = tuple[int, int, int]  # one image's (channels, height, width)


class Model(Component):
    """A network from images [b, channels, height, width] to logits [b, classes]."""

    def build(self, shape: Shape, classes: int) -> nn.Module:
        raise NotImplementedError


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
            # Pooling before ReLU is the same function at a quarter of the ReLU's work.
            nn.Conv2d(channels, first, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * (height // 4) * (width // 4), self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, classes),
        )


class Mlp(Model):
    """One hidden layer of `hidden` ReLU units."""

    hidden: Count = 64

    def build(self, shape: Shape, classes: int) -> nn.Module:
        inputs = shape[0] * shape[1] * shape[2]
        return nn.Sequential(nn.Flatten(), nn.Linear(inputs, self.hidden), nn.ReLU(), nn.Linear(self.hidden, classes))


class Linear(Model):
    """Multinomial logistic regression."""

    def build(self, shape: Shape, classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))


def initialised(model: Model, shape: Shape, classes: int, seed: int) -> nn.Module:
    """The network with torch's default initialisation from the seed's own stream; global random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "model"))
        return model.build(shape, classes)


class FlatModel:
    """One network that can stand at any flat parameter vector x in R^d.

    Its parameters are views into the vector that it was last pointed at, so that the
    state of all nodes is one matrix [n, d] and nothing is ever copied in or out.
    Convolution kernels lie channels-last in the vector, the order that is fastest to compute with.

    **Raises:** `ValueError` for a module with buffers (a batch norm's statistics would be shared
    silently by all nodes).
    """

    def __init__(self, module: nn.Module, device: torch.device):
        if buffers := [name for name, _ in module.named_buffers()]:
            raise ValueError(f"a model with buffers ({', '.join(buffers)}) cannot be exchanged as one flat vector")
        self.module = module.to(device)
        self.parameters = list(module.parameters())
        self.d = sum(p.numel() for p in self.parameters)
        ends = itertools.accumulate(p.numel() for p in self.parameters)
        self._layout = [
            (p.shape, _stride(p.shape), end - p.numel()) for p, end in zip(self.parameters, ends, strict=True)
        ]
        self.initial = torch.cat([_channels_last(p.detach()).reshape(-1) for p in self.parameters])
        self._gradient = torch.zeros(self.d, device=device)
        for p, g in zip(self.parameters, self._views(self._gradient), strict=True):
            p.grad = g

    def gradient(self, x: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """The gradient [d] of the mean cross-entropy at x; overwritten by the next call."""
        self._gradient.zero_()
        torch.autograd.backward(self._loss(x, images, labels))
        return self._gradient

    @torch.no_grad()
    def loss(self, x: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """The mean cross-entropy of x on a batch, a scalar."""
        return self._loss(x, images, labels)

    @torch.no_grad()
    def logits(self, x: Tensor, images: Tensor) -> Tensor:
        """What x answers [b, classes]."""
        return self._at(x)(images)  # type: ignore[no-any-return]

    def _loss(self, x: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self._at(x)(images), labels)

    def _at(self, x: Tensor) -> nn.Module:
        for p, view in zip(self.parameters, self._views(x), strict=True):
            p.data = view
        return self.module

    def _views(self, x: Tensor) -> list[Tensor]:
        start = x.storage_offset()
        return [x.as_strided(shape, stride, start + offset) for shape, stride, offset in self._layout]


def _channels_last(p: Tensor) -> Tensor:
    return p.permute(0, 2, 3, 1) if p.ndim == 4 else p


def _stride(shape: torch.Size) -> tuple[int, ...]:
    """The strides of a parameter within the vector: convolution kernels [out, in, height, width] channels-last."""
    if len(shape) == 4:
        _, into, height, width = shape
        return (into * height * width, 1, width * into, into)
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
