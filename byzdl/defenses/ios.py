"""IOS: drop the most distant, one after another."""

from typing import ClassVar

import torch

from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import squared_to_mean
from byzdl.vectors.selection import smallest, tied_ranks


class Ios(Tolerant):
    """Iterative outlier scissor: f times, drop the neighbour farthest from the weighted mean; return what is left's.

    The weights are Metropolis', over N_i and i; the mean divides by those that are left. The own model is
    never dropped.

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours, of less than a third of the weight in theory. Where |N_i| <= f all are
    dropped, which run.json and the log say. A model that is not finite is the first to be dropped, and is
    never mixed in, however many there are. Of equally far ones the right one is dropped. A node whose own
    model is not finite keeps it.

    **Source:** Z. Wu, T. Chen, Q. Ling, *Byzantine-resilient decentralized stochastic optimization with robust
    aggregation rules* (IEEE TSP 2023, arXiv 2206.04568). The steps are those of their public code.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "there nothing is mixed in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        members, gram = inbox.members, inbox.gram()
        w = inbox.metropolis.double()
        w = torch.cat([1 - w.sum(1, keepdim=True), w], dim=1)
        absent = (inbox.present & ~inbox.valid).sum(1)
        drops = self.tolerated(inbox) - absent
        trusted = members & members[:, :1]
        for step in range(inbox.rows.shape[1]):
            shares = trusted * w
            shares = shares / shares.sum(1, keepdim=True)
            far = tied_ranks(squared_to_mean(gram, shares)[:, 1:])
            kept = smallest(far, trusted[:, 1:].sum(1) - 1, among=trusted[:, 1:])
            trusted = torch.cat([trusted[:, :1], torch.where((step < drops)[:, None], kept, trusted[:, 1:])], dim=1)
        shares = trusted * w
        shares = shares / shares.sum(1, keepdim=True)
        alone = ~trusted[:, 1:].any(1)
        own, weights = torch.where(alone, 1.0, shares[:, 0]), torch.where(alone[:, None], 0.0, shares[:, 1:])
        return state, Mix(inbox.combine(weights, own), trusted[:, 1:], weights)
