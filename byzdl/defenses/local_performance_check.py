"""Local performance check: who answers about as well as the own model."""

from typing import ClassVar

from byzdl.config.types import Share
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class LocalPerformanceCheck(Defense):
    """Accept j if the accuracy of x_j on the own mini-batch is at least the own model's less delta; mix by alpha.

    - `alpha`: weight of the own model in the mix
    - `delta`: how much less accurate a received model may be, a share of the samples

    **Assumes** that benign models answer the own samples about as well as the own model does, and attackers'
    do not. It is told no f. Answers that are no numbers are wrong ones; a model that is not finite is never
    accepted. At a mini-batch of b samples accuracies are multiples of 1/b.

    **Source:** K. Zhang, A. Basharat, P. Xu, *Byzantine-robust decentralized federated learning via local performance
    checking* (ICONIP 2024), after its abstract: what deviates from the own model's accuracy, on samples of the own data
    drawn beforehand, is filtered out. That only what is worse is, and delta, are ours. So are the current mini-batch for
    these samples and the mix by alpha (eq. 6-7 of S. Masuda, K. Shudo): they make it comparable with loss_threshold.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5
    delta: Share = 0.1

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        own, accuracies = inbox.accuracies()
        # Float32 shares of samples: 0.7 - 0.1 must let 0.6 pass.
        passes = accuracies >= own[:, None] - self.delta - 1e-6
        return state, inbox.mix(inbox.valid & passes, self.alpha)
