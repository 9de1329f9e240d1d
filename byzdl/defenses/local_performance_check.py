"""Local performance check: an accuracy threshold relative to the own model."""

from typing import ClassVar

from byzdl.config.types import Share
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class LocalPerformanceCheck(Defense):
    """Mixes in the mean of the models about as accurate as the own model, or better, on the own mini-batch.

    Accepts j if the accuracy of x_j on the own mini-batch is at least the own model's minus delta, and mixes by alpha.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[0.75], [0.25]])
    >>> inbox = by_hand(torch.tensor([[0.5]]), [received], accuracy=lambda node, model: model.item())
    >>> _, mix = LocalPerformanceCheck(delta=0.1).aggregate((), inbox)
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, False]], [[0.625]])

    - `alpha`: weight of the own model in the mix
    - `delta`: the accepted drop in accuracy, as a share of the samples

    **Assumes** that benign models answer the own samples about as well as the own model does, and attackers' models
    do not. The rule takes no f. An answer that is not a number is wrong. A non-finite model is never accepted. On a
    mini-batch of b samples, accuracies are multiples of 1/b.

    **Source:** K. Zhang, A. Basharat, P. Xu, *Byzantine-robust decentralized federated learning via local performance
    checking* (ICONIP 2024), after its abstract. It rejects models whose accuracy deviates from the own model's, on
    samples of the own data drawn beforehand. Four things are ours: rejection of worse models only, delta, the current
    mini-batch in place of these samples, and the mix by alpha (eq. 6-7 of S. Masuda, K. Shudo). The last two make the
    rule comparable with loss_threshold.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5
    delta: Share = 0.1

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        own, accuracies = inbox.accuracies()
        # Accuracies are float32 shares of samples: 0.6 must pass 0.7 - 0.1.
        passes = accuracies >= own[:, None] - self.delta - 1e-6
        return state, inbox.mix(inbox.valid & passes, self.alpha)
