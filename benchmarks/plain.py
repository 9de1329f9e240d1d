"""The plain loop: a round as most code of this field simulates it, written as simply as possible.

Each node has one module and one optimizer. Images are contiguous NCHW. All passes run one after another: every received
model is loaded into a module and run on the node's mini-batch. The loop shares no code with byzdl, and its only attack is
max. A test compares byzdl's results with it.
"""

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector, vector_to_parameters


def cnn(channels: int, size: int, widths: Sequence[int], hidden: int, classes: int) -> nn.Module:
    """The paper's network in the textbook order: convolution, ReLU, pooling."""
    return nn.Sequential(
        nn.Conv2d(channels, widths[0], 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(widths[0], widths[1], 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(widths[1] * (size // 4) ** 2, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


class PlainLoop:
    """Simulates the benign nodes of a network.

    - `neighbours`, `byzantine`: the graph, by node number
    - `modules`: the module of each benign node, by node number
    - `defense`: `local`, `loss_threshold`, `ubar` or `d_krum`
    - `lr`, `momentum`: of each node's SGD
    """

    def __init__(
        self,
        neighbours: Sequence[Sequence[int]],
        byzantine: Sequence[int],
        modules: dict[int, nn.Module],
        defense: str,
        lr: float,
        momentum: float,
    ):
        self.neighbours = neighbours
        self.byzantine = byzantine
        self.modules = modules
        self.choose = getattr(self, f"_{defense}")
        self.optimizers = {i: torch.optim.SGD(m.parameters(), lr, momentum) for i, m in modules.items()}
        self.scratch = copy.deepcopy(next(iter(modules.values())))

    def round(self, batches: dict[int, tuple[Tensor, Tensor]]) -> None:
        """Computes one round on each node's images [b, channels, height, width] and labels [b]."""
        for i, module in self.modules.items():
            images, labels = batches[i]
            self.optimizers[i].zero_grad()
            torch.autograd.backward(cross_entropy(module(images), labels))
            self.optimizers[i].step()
        sent = {i: parameters_to_vector(m.parameters()).detach() for i, m in self.modules.items()}
        lie = -torch.stack(list(sent.values())).max(dim=0).values
        sent |= dict.fromkeys(self.byzantine, lie)
        for i, module in self.modules.items():
            received = [sent[j] for j in self.neighbours[i]]
            chosen = self.choose(i, sent[i], received, *batches[i])
            if chosen:
                vector_to_parameters(0.5 * sent[i] + 0.5 * torch.stack(chosen).mean(dim=0), module.parameters())

    def _loss(self, x: Tensor, images: Tensor, labels: Tensor) -> float:
        vector_to_parameters(x, self.scratch.parameters())
        with torch.no_grad():
            return cross_entropy(self.scratch(images), labels).item()

    def _local(self, i: int, own: Tensor, received: list[Tensor], images: Tensor, labels: Tensor) -> list[Tensor]:
        return []

    def _loss_threshold(
        self, i: int, own: Tensor, received: list[Tensor], images: Tensor, labels: Tensor
    ) -> list[Tensor]:
        own_loss = self._loss(own, images, labels)
        return [x for x in received if own_loss - self._loss(x, images, labels) >= 0.1]

    def _ubar(self, i: int, own: Tensor, received: list[Tensor], images: Tensor, labels: Tensor) -> list[Tensor]:
        received = sorted(received, key=lambda x: torch.dist(x, own).item())[: math.ceil(0.4 * len(received))]
        own_loss = self._loss(own, images, labels)
        losses = [self._loss(x, images, labels) for x in received]
        passed = [x for x, loss in zip(received, losses, strict=True) if loss <= own_loss]
        return passed or [received[losses.index(min(losses))]]

    def _d_krum(self, i: int, own: Tensor, received: list[Tensor], images: Tensor, labels: Tensor) -> list[Tensor]:
        f = sum(j in self.byzantine for j in self.neighbours[i])
        nearest = max(len(received) - f - 2, 1)

        def score(k: int) -> float:
            others = [torch.dist(received[k], x).item() ** 2 for j, x in enumerate(received) if j != k]
            return sum(sorted(others)[:nearest])

        return [received[min(range(len(received)), key=score)]]
