"""A network that can stand at any flat parameter vector x in R^d.

The state of all nodes is then one matrix, a row a node, and nothing is ever copied in or out.
There are two ways to compute with it, alike in all but speed; `flat_model` chooses.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.functional import cross_entropy

from byzdl.exchange import Measure

Batch = tuple[Tensor, Tensor]  # images [l, b, channels, height, width] and labels [l, b] of l learners


class Feed(Protocol):
    """The mini-batches of a range of learners, made when they are asked for."""

    def __call__(self, learners: range) -> Batch: ...


class FlatModel:
    """A network over flat vectors [d].

    Convolution kernels lie channels-last in the vector, the order that is fastest to compute with.

    - `d`: the number of parameters
    - `initial` [d]: where the module stood
    - `screening`: the type that `losses` computes in; gradients are float32
    - `batch`: how many numbers the images of a mini-batch are, for whoever holds many at a time

    **Raises:** `ValueError` for a module with buffers (a batch norm's statistics would be shared
    silently by all nodes).
    """

    def __init__(self, module: nn.Module, device: torch.device, screening: torch.dtype = torch.float32, batch: int = 0):
        if buffers := [name for name, _ in module.named_buffers()]:
            raise ValueError(f"a model with buffers ({', '.join(buffers)}) cannot be exchanged as one flat vector")
        self.module = module.to(device)
        self.parameters = dict(module.named_parameters())
        self.screening = screening
        self.batch = batch
        self.initial = torch.cat([_channels_last(p.detach()).reshape(-1) for p in self.parameters.values()])
        self.d = len(self.initial)

    def add_gradients(self, models: Tensor, into: Tensor, feed: Feed) -> None:
        """Add every learner's gradient of the mean cross-entropy on its mini-batch at its model [L, d] to its row of `into`."""
        raise NotImplementedError

    def losses(self, models: Tensor, rows: Tensor, wanted: Tensor, feed: Feed, measure: Measure = "loss") -> Tensor:
        """The mean cross-entropy [L, p] of p models on each learner's mini-batch, or another measure.

        - `models` [m, d], `rows` [L, p]: which of them each learner asks about
        - `wanted` [L, p]: where a loss is asked for; anywhere else the result may be anything
        - `measure`: `loss`, or `accuracy`, for which answers that are no numbers are wrong
        """
        raise NotImplementedError

    def logits(self, models: Tensor, rows: Sequence[int], images: Tensor) -> Tensor:
        """What some of the models [m, d] answer on the same images [r, b, classes]."""
        raise NotImplementedError


class OneByOne(FlatModel):
    """One model after another: the fastest way through large layers on a processor.

    The module's parameters are views into the vector that it stands at, their gradients
    views into the row that they are added to.
    """

    def __init__(self, module: nn.Module, device: torch.device, screening: torch.dtype = torch.float32, batch: int = 0):
        super().__init__(module, device, screening, batch)
        parameters = list(self.parameters.values())
        ends = itertools.accumulate(p.numel() for p in parameters)
        self._layout = [(p.shape, _stride(p.shape), end - p.numel()) for p, end in zip(parameters, ends, strict=True)]

    def add_gradients(self, models: Tensor, into: Tensor, feed: Feed) -> None:
        for i, x in enumerate(models):
            images, labels = feed(range(i, i + 1))
            self._stand_at(x)
            for p, row in zip(self.parameters.values(), self._views(into[i]), strict=True):
                p.grad = row
            torch.autograd.backward(cross_entropy(self.module(images[0]), labels[0]))

    @torch.no_grad()
    def losses(self, models: Tensor, rows: Tensor, wanted: Tensor, feed: Feed, measure: Measure = "loss") -> Tensor:
        losses = torch.full(rows.shape, torch.nan)
        for i, (row, asked) in enumerate(zip(rows.tolist(), wanted.tolist(), strict=True)):
            # Attackers may send one model many times over: it is evaluated once.
            distinct = set(itertools.compress(row, asked))
            if distinct:
                images, labels = feed(range(i, i + 1))
                found = {r: self._screen(models[r], images[0], labels[0], measure) for r in distinct}
                losses[i] = torch.tensor([found.get(r, math.nan) for r in row])
        return losses

    @torch.no_grad()
    def logits(self, models: Tensor, rows: Sequence[int], images: Tensor) -> Tensor:
        return torch.stack([self._stand_at(models[r])(images) for r in rows])

    def _screen(self, x: Tensor, images: Tensor, labels: Tensor, measure: Measure) -> float:
        with torch.autocast(x.device.type, self.screening, enabled=self.screening != torch.float32):
            logits = self._stand_at(x)(images)
        if measure == "accuracy":
            return _accuracies(logits, labels).item()
        return cross_entropy(logits.float(), labels).item()

    def _stand_at(self, x: Tensor) -> nn.Module:
        for p, view in zip(self.parameters.values(), self._views(x), strict=True):
            p.data = view
        return self.module

    def _views(self, x: Tensor) -> Iterator[Tensor]:
        start = x.storage_offset()
        return (x.as_strided(shape, stride, start + offset) for shape, stride, offset in self._layout)


class Batched(FlatModel):
    """Many models in a few batched kernels: the fastest way on a GPU, and for small layers on a processor."""

    HELD = 2**24  # numbers of models and their images that are computed with at a time

    @property
    def at_once(self) -> int:
        """How many models that are."""
        return max(1, self.HELD // (self.d + self.batch))

    def add_gradients(self, models: Tensor, into: Tensor, feed: Feed) -> None:
        answer = vmap(self._answer)
        for part in _parts(len(models), self.at_once):
            images, labels = feed(part)
            x = models[part.start : part.stop].requires_grad_()
            losses = _losses(answer(x, images), labels)
            into[part.start : part.stop] += torch.autograd.grad(losses.sum(), x)[0]

    @torch.no_grad()
    def losses(self, models: Tensor, rows: Tensor, wanted: Tensor, feed: Feed, measure: Measure = "loss") -> Tensor:
        answer = vmap(self._answer)
        keys = rows + len(models) * torch.arange(len(rows), device=rows.device)[:, None]
        # The one wait for the device in a round. It pays: about half of all pairs are padding, copies or not wanted.
        pairs, back = torch.unique(keys[wanted].cpu(), return_inverse=True)
        learners, asked = pairs // len(models), pairs % len(models)
        found = torch.empty(len(pairs), device=models.device)
        for part in _parts(len(pairs), self.at_once):
            few = slice(part.start, part.stop)
            first, last = learners[few].aminmax()
            images, labels = feed(range(int(first), int(last) + 1))
            own = learners[few] - first
            with torch.autocast(models.device.type, self.screening, enabled=self.screening != torch.float32):
                logits = answer(models[asked[few]], images[own])
            score = _losses if measure == "loss" else _accuracies
            found[few] = score(logits.float(), labels[own])
        return found.new_full(rows.shape, torch.nan).masked_scatter_(wanted, found[back])

    @torch.no_grad()
    def logits(self, models: Tensor, rows: Sequence[int], images: Tensor) -> Tensor:
        answer = vmap(self._answer, in_dims=(0, None))
        return torch.cat(
            [answer(models[list(rows[part.start : part.stop])], images) for part in _parts(len(rows), self.at_once)]
        )

    def _answer(self, x: Tensor, images: Tensor) -> Tensor:
        pieces = torch.split(x, [p.numel() for p in self.parameters.values()])
        at = {name: _shaped(piece, p.shape) for (name, p), piece in zip(self.parameters.items(), pieces, strict=True)}
        return functional_call(self.module, at, (images,))  # type: ignore[no-any-return]


def flat_model(
    module: nn.Module, device: torch.device, screening: torch.dtype = torch.float32, batch: int = 0
) -> FlatModel:
    """The network over flat vectors, computed with in the way that is fastest for it."""
    # On a processor, batching saves calls and costs arithmetic: models are gathered, and convolutions become grouped.
    convolves = any(isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d) for layer in module.modules())
    large = convolves or sum(p.numel() for p in module.parameters()) > 2**14
    way = OneByOne if large and device.type == "cpu" else Batched
    return way(module, device, screening, batch)


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean cross-entropy [...] of logits [..., b, classes] and labels [..., b]."""
    return cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none").view(labels.shape).mean(-1)


def _accuracies(logits: Tensor, labels: Tensor) -> Tensor:
    """The share of right answers [...] of logits [..., b, classes] and labels [..., b]; what is not finite is wrong."""
    return ((logits.argmax(-1) == labels) & logits.isfinite().all(-1)).float().mean(-1)


def _parts(length: int, size: int) -> Iterator[range]:
    return (range(start, min(start + size, length)) for start in range(0, length, size))


def _channels_last(p: Tensor) -> Tensor:
    return p.permute(0, 2, 3, 1) if p.ndim == 4 else p


def _shaped(piece: Tensor, shape: torch.Size) -> Tensor:
    """The parameter of this shape that a piece of the vector holds."""
    if len(shape) == 4:
        out, into, height, width = shape
        return piece.reshape(out, height, width, into).permute(0, 3, 1, 2)
    return piece.reshape(shape)


def _stride(shape: torch.Size) -> tuple[int, ...]:
    """The strides of a parameter within the vector: convolution kernels [out, in, height, width] channels-last."""
    if len(shape) == 4:
        _, into, height, width = shape
        return (into * height * width, 1, width * into, into)
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
