"""What networks learn: how the outputs for samples are compared with their targets."""

from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from byzdl.simulation.cross_entropy import cross_entropies

ScoreName = Literal["accuracy", "r2"]


class Task(Protocol):
    """Compares outputs [..., b, outputs] with targets [..., b].

    - `score`: the name of the score, in columns: the higher, the better, and at most 1
    """

    score: ScoreName

    def training_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean loss over samples, of outputs [b, outputs] and targets [b]."""

    def total_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the sum of losses over samples, likewise."""

    def each_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the loss of each sample [r, b], of r models on the same targets [b]."""

    def each_error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the error of each sample [r, b], likewise; their mean over `spread` is 1 - score."""

    def spread(self, targets: Tensor) -> float:
        """Returns the mean error of the best constant answer to targets [N], or 1 if errors are shares already."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean loss [r] of r models, each on targets of its own [r, b]."""

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the score [...] of outputs [..., b, outputs] and targets [..., b], with a spread of 1.

        It is lowest where an output is not finite.
        """


class Classification:
    """Compares logits with classes: the loss is the cross-entropy, and the score is the accuracy.

    >>> logits = torch.tensor([[[9.0, 0.0], [9.0, 0.0]]])  # of one model
    >>> CLASSIFICATION.scores(logits, torch.tensor([[0, 1]]))
    tensor([0.5000])
    """

    score: ScoreName = "accuracy"

    def training_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets)

    def total_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, reduction="sum")

    def each_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs.mT, targets.expand(len(outputs), -1), reduction="none")

    def each_error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.argmax(2) != targets

    def spread(self, targets: Tensor) -> float:
        return 1.0

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return cross_entropies(outputs, targets)

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the share of right answers [...]. Non-finite ones are wrong."""
        return ((outputs.argmax(-1) == targets) & outputs.isfinite().all(-1)).float().mean(-1)


class Regression:
    """Compares one output with a standardised number: the loss is the squared error, and the score is R^2.

    R^2 is 1 - (mean squared error) / (variance of the targets). On a mini-batch, and on a node's validation samples, the
    variance is that of all training targets, which is 1.

    >>> outputs = torch.tensor([[[1.0], [3.0]]])  # of one model
    >>> REGRESSION.losses(outputs, torch.tensor([[1.0, 2.0]]))
    tensor([0.5000])
    """

    score: ScoreName = "r2"

    def training_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(outputs.squeeze(-1), targets)

    def total_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(outputs.squeeze(-1), targets, reduction="sum")

    def each_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs.squeeze(-1) - targets).square()

    def each_error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.each_loss(outputs, targets)

    def spread(self, targets: Tensor) -> float:
        return targets.double().var(correction=0).item()

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.each_loss(outputs, targets).mean(-1)

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (1 - self.losses(outputs, targets)).nan_to_num(nan=-torch.inf, neginf=-torch.inf)


CLASSIFICATION, REGRESSION = Classification(), Regression()
