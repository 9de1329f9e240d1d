"""A network as a function of one flat parameter vector x in R^d.

The models of all nodes are then one matrix, a row each, and are never copied into a module or out of it. `OneByOne` and
`Batched` compute the same and differ in speed; `flat_model` chooses.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor, nn

from byzdl.exchange import Measure
from byzdl.simulation.layers import Layers
from byzdl.simulation.pairs import DistinctPairs
from byzdl.simulation.tasks import CLASSIFICATION, Task

Batch = tuple[Tensor, Tensor]  # inputs [l, b, ...] and targets [l, b] of l learners


class Feed(Protocol):
    """Returns the mini-batches of a range of learners, made on request."""

    def __call__(self, learners: range) -> Batch: ...


@contextmanager
def without_shortcuts() -> Iterator[None]:
    """Switches off the shortcuts of torch's attention layers in evaluation mode, which have no gradient under vmap."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class FlatModel:
    """Computes with a network whose parameters are a flat vector [d].

    Convolution kernels lie channels-last in the vector, as computation is fastest in this order.

    - `d`: the number of parameters
    - `initial` [d]: the parameters of the module as it was given
    - `screening`: the type that `losses` computes in; gradients are float32
    - `batch`: the number of values in the inputs of a mini-batch; it limits how many of them `Batched` holds at a time
    - `task`: what the network learns

    **Raises:** `ValueError` for a module with buffers, such as a batch norm's statistics: all nodes would silently share
    them.

    >>> network = flat_model(nn.Linear(2, 2, bias=False), torch.device("cpu"))
    >>> models = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0]])  # identity and swap
    >>> network.outputs(models, rows=[0, 1], inputs=torch.tensor([[3.0, 4.0]]))
    tensor([[[3., 4.]],
            [[4., 3.]]])
    """

    def __init__(
        self,
        module: nn.Module,
        device: torch.device,
        screening: torch.dtype = torch.float32,
        batch: int = 0,
        task: Task = CLASSIFICATION,
    ):
        if buffers := [name for name, _ in module.named_buffers()]:
            raise ValueError(f"the model has buffers ({', '.join(buffers)}), but must be one flat vector of parameters")
        self.module = module.to(device)
        self.parameters = dict(module.named_parameters())
        self.screening = screening
        self.batch = batch
        self.task = task
        self.initial = flattened(self.module)
        self.d = len(self.initial)

    def add_gradients(self, models: Tensor, into: Tensor, feed: Feed) -> None:
        """Adds each learner's gradient to its row of `into` [L, d].

        The gradient is that of the mean loss on the learner's mini-batch, at its model.

        - `models` [L, d]: unchanged
        """
        raise NotImplementedError

    def losses(self, models: Tensor, rows: Tensor, wanted: Tensor, feed: Feed, measure: Measure = "loss") -> Tensor:
        """Returns the losses [L, p] of p models on each learner's mini-batch: the mean loss, or another measure.

        - `models` [m, d]
        - `rows` [L, p]: the rows in `models` of each learner's p models
        - `wanted` [L, p]: a mask of the requested losses; all other results are arbitrary
        - `measure`: `loss`, or `accuracy` for the task's score
        """
        raise NotImplementedError

    def outputs(self, models: Tensor, rows: Sequence[int], inputs: Tensor) -> Tensor:
        """Returns the outputs [r, b, outputs] of r of the models for the same b samples.

        - `models` [m, d]
        - `rows`: the r rows in `models`
        - `inputs` [b, ...]
        """
        raise NotImplementedError


class OneByOne(FlatModel):
    """Computes one model after another: the fastest way for large layers on a processor.

    The module's parameters are views into the model's vector. Their gradients are views into the row that they are
    added to.
    """

    @cached_property
    def _layout(self) -> list[tuple[torch.Size, tuple[int, ...], int]]:
        """The shape and the strides of each parameter in the vector, and where it begins."""
        parameters = list(self.parameters.values())
        ends = itertools.accumulate(p.numel() for p in parameters)
        return [(p.shape, _stride(p.shape), end - p.numel()) for p, end in zip(parameters, ends, strict=True)]

    @without_shortcuts()
    def add_gradients(self, models: Tensor, into: Tensor, feed: Feed) -> None:
        for i, x in enumerate(models):
            inputs, targets = feed(range(i, i + 1))
            self._module_at(x)
            for p, row in zip(self.parameters.values(), self._views(into[i]), strict=True):
                p.grad = row
            torch.autograd.backward(self.task.training_loss(self.module(inputs[0]), targets[0]))

    @torch.no_grad()
    @without_shortcuts()
    def losses(self, models: Tensor, rows: Tensor, wanted: Tensor, feed: Feed, measure: Measure = "loss") -> Tensor:
        losses = torch.full(rows.shape, torch.nan)
        for i, (row, asked) in enumerate(zip(rows.tolist(), wanted.tolist(), strict=True)):
            # Attackers may send the same model many times. It is evaluated once.
            distinct = set(itertools.compress(row, asked))
            if distinct:
                inputs, targets = feed(range(i, i + 1))
                measured = {r: self._measure(models[r], inputs[0], targets[0], measure) for r in distinct}
                losses[i] = torch.tensor([measured.get(r, math.nan) for r in row])
        return losses

    @torch.no_grad()
    @without_shortcuts()
    def outputs(self, models: Tensor, rows: Sequence[int], inputs: Tensor) -> Tensor:
        return torch.stack([self._module_at(models[r])(inputs) for r in rows])

    def _measure(self, x: Tensor, inputs: Tensor, targets: Tensor, measure: Measure) -> float:
        with torch.autocast(x.device.type, self.screening, enabled=self.screening != torch.float32):
            outputs = self._module_at(x)(inputs).float()
        score = self.task.training_loss if measure == "loss" else self.task.scores
        return score(outputs, targets).item()

    def _module_at(self, x: Tensor) -> nn.Module:
        for p, view in zip(self.parameters.values(), self._views(x), strict=True):
            p.data = view
        return self.module

    def _views(self, x: Tensor) -> Iterator[Tensor]:
        start = x.storage_offset()
        return (x.as_strided(shape, stride, start + offset) for shape, stride, offset in self._layout)


class Batched(FlatModel):
    """Computes many models in a few batched kernels: the fastest way on a GPU, and for small layers on a processor."""

    HELD = 2**24  # the most values, of models and their inputs together, to hold at a time

    @cached_property
    def layers(self) -> Layers:
        """The layers of the module."""
        return Layers(self.module)

    @cached_property
    def _pairs(self) -> DistinctPairs:
        return DistinctPairs()

    @property
    def at_once(self) -> int:
        """The number of models to compute at a time."""
        return max(1, self.HELD // (self.d + self.batch))

    @without_shortcuts()
    def add_gradients(self, models: Tensor, into: Tensor, feed: Feed) -> None:
        for part in _parts(len(models), self.at_once):
            inputs, targets = feed(part)
            x = models[part.start : part.stop].requires_grad_()
            outputs = self.layers(x, inputs).flatten(0, -2)
            total = self.task.total_loss(outputs, targets.flatten()) / targets.shape[1]
            into[part.start : part.stop] += torch.autograd.grad(total, x)[0]

    @torch.no_grad()
    @without_shortcuts()
    def losses(self, models: Tensor, rows: Tensor, wanted: Tensor, feed: Feed, measure: Measure = "loss") -> Tensor:
        pairs = self._pairs.of(rows, wanted, len(models))
        measured = torch.empty(len(pairs.hosted), device=models.device)
        score = self.task.losses if measure == "loss" else self.task.scores
        for part in _parts(len(pairs.hosted), self.at_once):
            chunk = slice(part.start, part.stop)
            first, last = pairs.hosted[part[0]], pairs.hosted[part[-1]]
            inputs, targets = feed(range(first, last + 1))
            own = pairs.learners[chunk] - first
            with torch.autocast(models.device.type, self.screening, enabled=self.screening != torch.float32):
                outputs = self.layers(models.index_select(0, pairs.models[chunk]), _selected(inputs, own))
            measured[chunk] = score(outputs.float(), targets.index_select(0, own))
        return measured.new_full(rows.shape, torch.nan).masked_scatter_(wanted, measured[pairs.place])

    @torch.no_grad()
    @without_shortcuts()
    def outputs(self, models: Tensor, rows: Sequence[int], inputs: Tensor) -> Tensor:
        parts = [list(rows[part.start : part.stop]) for part in _parts(len(rows), self.at_once)]
        return torch.cat([self.layers(models[part], inputs.expand(len(part), *inputs.shape)) for part in parts])


def flat_model(
    module: nn.Module,
    device: torch.device,
    screening: torch.dtype = torch.float32,
    batch: int = 0,
    task: Task = CLASSIFICATION,
) -> FlatModel:
    """Makes a network over flat vectors, with the faster of the two ways to compute.

    - `screening`, `batch`, `task`: see `FlatModel`

    >>> network = flat_model(nn.Linear(2, 1), torch.device("cpu"))
    >>> type(network).__name__, network.d, network.initial.shape
    ('Batched', 3, torch.Size([3]))
    """
    # On a processor, batching saves calls but adds work: models are gathered, and convolutions become grouped ones.
    convolves = any(isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d) for layer in module.modules())
    large = convolves or sum(p.numel() for p in module.parameters()) > 2**14
    way = OneByOne if large and device.type == "cpu" else Batched
    return way(module, device, screening, batch, task)


def _selected(inputs: Tensor, index: Tensor) -> Tensor:
    """Returns inputs[index]; of images [l, b, channels, height, width], too, in the order that they lie in memory."""
    if inputs.ndim != 5:
        return inputs.index_select(0, index)
    return inputs.movedim(-3, -1).index_select(0, index).movedim(-1, -3)


def _parts(length: int, size: int) -> Iterator[range]:
    return (range(start, min(start + size, length)) for start in range(0, length, size))


def flattened(module: nn.Module) -> Tensor:
    """Returns the parameters of a module as a flat vector [d]."""
    return torch.cat([_channels_last(p.detach()).reshape(-1) for p in module.parameters()])


def _channels_last(p: Tensor) -> Tensor:
    return p.permute(0, 2, 3, 1) if p.ndim == 4 else p


def _stride(shape: torch.Size) -> tuple[int, ...]:
    """Returns the strides of a parameter in the vector. Convolution kernels [out, in, height, width] are channels-last."""
    if len(shape) == 4:
        _, into, height, width = shape
        return (into * height * width, 1, width * into, into)
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
