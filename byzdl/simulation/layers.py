"""The layers of a network, computed for many models at once."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

Layer = Callable[[Sequence[Tensor], Tensor], Tensor]
"""Maps a layer's parameters, each [r, ...], and its inputs [r, b, ...] for r models to its outputs [r, b, ...]."""


class Layers:
    """Computes the outputs of r models, whose parameters are the rows of a matrix [r, d], in a few batched kernels.

    >>> layers = Layers(nn.Sequential(nn.Flatten(), nn.Linear(2, 1)))
    >>> models = torch.tensor([[1.0, 2.0, 10.0], [3.0, 4.0, 20.0]])
    >>> layers(models, torch.ones(2, 1, 1, 1, 2)).flatten()
    tensor([13., 27.])
    """

    def __init__(self, module: nn.Module):
        parameters = list(module.parameters())
        self._shapes = [p.shape for p in parameters]
        at = {id(p): i for i, p in enumerate(parameters)}
        chain = module if type(module) is nn.Sequential else [module]
        self._chain = [(_layer(layer), [at[id(p)] for p in layer.parameters()]) for layer in chain]

    def __call__(self, models: Tensor, inputs: Tensor) -> Tensor:
        """Returns outputs [r, b, outputs] of models [r, d], each for its own inputs [r, b, ...]."""
        pieces = torch.split(models, [shape.numel() for shape in self._shapes], dim=1)
        parameters = [_shaped(piece, shape) for piece, shape in zip(pieces, self._shapes, strict=True)]
        values = inputs
        for layer, own in self._chain:
            values = layer([parameters[i] for i in own], values)
        return values


def _layer(module: nn.Module) -> Layer:
    """Returns a layer as a function: one of those below, or else the module itself under `vmap`.

    Functions below have the same arithmetic as `vmap`, and a part of its overhead.
    """
    # A hook, or a weight that is computed from others, is a matter of the module.
    plain = not module._forward_hooks and not module._forward_pre_hooks
    if plain and type(module) is nn.Linear and {"weight", "bias"} >= dict(module.named_parameters()).keys():
        return _linear
    if plain and type(module) is nn.ReLU:
        return _relu
    if plain and type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
        return _flatten
    names = [name for name, _ in module.named_parameters()]

    def one(parameters: Sequence[Tensor], values: Tensor) -> Tensor:
        return functional_call(module, dict(zip(names, parameters, strict=True)), (values,))  # type: ignore[no-any-return]

    return vmap(one)


def _linear(parameters: Sequence[Tensor], values: Tensor) -> Tensor:
    weight, *bias = parameters
    product = values @ weight.mT
    return product + bias[0][:, None] if bias else product


def _relu(_: Sequence[Tensor], values: Tensor) -> Tensor:
    return torch.relu(values)


def _flatten(_: Sequence[Tensor], values: Tensor) -> Tensor:
    return values.flatten(2)


def _shaped(piece: Tensor, shape: torch.Size) -> Tensor:
    """Returns the parameters of this shape in a piece [r, ...] of the models. Kernels are channels-last in a model."""
    if len(shape) == 4:
        out, into, height, width = shape
        return piece.reshape(-1, out, height, width, into).permute(0, 1, 4, 2, 3)
    return piece.reshape(-1, *shape)
