"""BALANCE: what is near, beside the own norm, and nearer as time goes on."""

import math
from typing import ClassVar

import torch

from byzdl.config.types import NonNegative, Positive, Share
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Balance(Defense):
    """Accept j if ||x_i - x_j|| <= gamma exp(-kappa t/T) ||x_i||; mix the mean of the accepted with the own model by alpha.

    t counts the rounds done, from 0, and T is how many the run has.

    - `alpha`: weight of the own model in the mix
    - `gamma`, `kappa`: how near is near enough at first, and how fast that falls

    **Assumes** that the benign differ by less than this share of their norm. It is told no f. A model that is
    not finite is not accepted; a node whose own model isn't accepts nobody.

    **Source:** M. Fang et al., *Byzantine-robust decentralized federated learning* (CCS 2024). gamma is the
    paper's 0.3; public code has 2.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    alpha: Share = 0.5
    gamma: Positive = 0.3
    kappa: NonNegative = 1.0

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        reach = self.gamma * math.exp(-self.kappa * inbox.round / inbox.rounds)
        norm = torch.linalg.vector_norm(inbox.own, dim=1, dtype=torch.float64)
        near = inbox.valid & inbox.members[:, :1] & (inbox.distances() <= reach * norm[:, None])
        return state, inbox.mix(near, self.alpha)
