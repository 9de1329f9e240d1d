"""IOS: repeated removal of the farthest neighbour."""

from typing import ClassVar

import torch

from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import squared_to_mean
from byzdl.vectors.selection import smallest, tied_ranks
from byzdl.vectors.waiting import possible


class Ios(Tolerant):
    """Drops, f times, the neighbour farthest from the weighted mean, and returns the mean of the rest.

    Iterative outlier scissor. The weights are the Metropolis weights over N_i and i, divided by their sum over the
    models that are left. The own model is never dropped.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[10.0], [4.0], [6.0], [80.0]])])
    >>> _, mix = Ios(f=1).aggregate((), inbox)  # all weigh 1/5, and 80 is the farthest from the mean, 20
    >>> mix.selected.tolist(), mix.models.round(decimals=4).tolist()
    ([[True, True, True, False]], [[5.0]])

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours, in theory of less than a third of the weight. Where |N_i| <= f, all are dropped;
    run.json and the log say so. Non-finite models are dropped first. However many there are, none is mixed in. Of
    equally far models, the right one is dropped. A node with a non-finite own model keeps it.

    **Source:** Z. Wu, T. Chen, Q. Ling, *Byzantine-resilient decentralized stochastic optimization with robust
    aggregation rules* (IEEE TSP 2023, arXiv 2206.04568). The steps are those of their public code.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "these nodes mix nothing in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        members, gram = inbox.members, inbox.gram()
        w = inbox.metropolis.double()
        w = torch.cat([1 - w.sum(1, keepdim=True), w], dim=1)
        absent = (inbox.present & ~inbox.valid).sum(1)
        drops = self.tolerated(inbox) - absent
        trusted = members & members[:, :1]
        for step in range(inbox.rows.shape[1]):
            if not any(possible(step < drops)):
                break
            shares = trusted * w
            shares = shares / shares.sum(1, keepdim=True)
            distance_ranks = tied_ranks(squared_to_mean(gram, shares)[:, 1:])
            kept = smallest(distance_ranks, trusted[:, 1:].sum(1) - 1, among=trusted[:, 1:])
            trusted = torch.cat([trusted[:, :1], torch.where((step < drops)[:, None], kept, trusted[:, 1:])], dim=1)
        shares = trusted * w
        shares = shares / shares.sum(1, keepdim=True)
        alone = ~trusted[:, 1:].any(1)
        own, weights = torch.where(alone, 1.0, shares[:, 0]), torch.where(alone[:, None], 0.0, shares[:, 1:])
        return state, Mix(inbox.combine(weights, own), trusted[:, 1:], weights)
