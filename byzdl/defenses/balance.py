"""BALANCE: a radius in proportion to the own model's norm, falling over the run."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import NonNegative, Positive, Share
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Balance(Defense):
    """Mixes in the mean of the models near the own model, within a radius shrinking over the run.

    Accepts j if ||x_i - x_j|| <= gamma exp(-kappa t/T) ||x_i||. The result is alpha x_i + (1 - alpha) times the mean of
    the accepted models. t is the number of completed rounds, from 0. T is the number of rounds in the run.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[30.0, 40.0]]), [torch.tensor([[33.0, 44.0], [30.0, 24.0]])])
    >>> _, mix = Balance(gamma=0.3).aggregate((), inbox)  # distances 5 and 16, radius 0.3 * 50 = 15
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, False]], [[31.5, 42.0]])

    - `alpha`: weight of the own model in the mix
    - `gamma`: the first radius, as a share of the own norm
    - `kappa`: how fast the radius falls

    **Assumes** that benign models differ by less than this share of their norm. The rule takes no f. A non-finite
    model is never accepted. A node with a non-finite own model accepts nobody.

    **Source:** M. Fang et al., *Byzantine-robust decentralized federated learning* (CCS 2024). gamma is the
    paper's 0.3; public code has 2.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    alpha: Share = 0.5
    gamma: Positive = 0.3
    kappa: NonNegative = 1.0

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        radius = self.gamma * math.exp(-self.kappa * inbox.round / inbox.rounds)
        norm, distances = self.measured(inbox)
        accepted = inbox.valid & inbox.members[:, :1] & (distances <= radius * norm[:, None])
        return state, inbox.mix(accepted, self.alpha)

    def measured(self, inbox: Inbox) -> tuple[Tensor, Tensor]:
        """Measures the norm of each own model [L], and the distances from it to the received models [L, k]."""
        return torch.linalg.vector_norm(inbox.own, dim=1, dtype=torch.float64), inbox.distances()
