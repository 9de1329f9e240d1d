"""GTS: gossip without the largest differences."""

from typing import ClassVar

import torch

from byzdl.config.types import PositiveShare
from byzdl.defenses.base import Tolerant
from byzdl.defenses.weighted import nearest_first, scatter_back, tolerated_weight
from byzdl.exchange import Inbox, Mix


class Gts(Tolerant):
    """Mixes in all differences to the own model but the largest, of the total weight of f neighbours.

    Geometric trimmed sum: x_i + eta sum_j W_ij (x_j - x_i), without the largest differences of total weight F. The
    difference at the border counts in part. W are the Metropolis weights. F is the most that f neighbours can weigh.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[1.0], [2.0], [90.0]])])
    >>> Gts(f=1).aggregate((), inbox)[1].models  # W_ij = 1/4: (1 + 2) / 4
    tensor([[0.7500]])

    - `eta`: the step; 1 is plain gossip, if nothing is dropped
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** Byzantine neighbours of weight F at most. Where |N_i| <= f, nothing is mixed in; run.json and the log
    say so. A non-finite model counts as the farthest, so F is spent on it first. It is never mixed in. Of equally far
    models, the right one is dropped.

    **Source:** R. Gaucher, A. Dieuleveut, H. Hendrikx, *Unified breakdown analysis for Byzantine robust gossip* (ICML
    2025, arXiv 2410.10418). The paper takes F as given; here it is the most that any f neighbours can weigh. Their
    public code takes f times the heaviest weight for F. Of the difference at the border, it keeps the part to be
    dropped.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    eta: PositiveShare = 1.0

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "these nodes mix nothing in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        order, cumulative = nearest_first(inbox, inbox.distances())
        budget = cumulative[:, -1:] - tolerated_weight(inbox, self.tolerated(inbox))[:, None]
        # What rounding leaves of an empty budget must not select a neighbour.
        budget = torch.where(budget < 1e-12, 0.0, budget)
        kept = torch.minimum(cumulative, budget).diff(dim=1, prepend=torch.zeros_like(budget))
        weights = self.eta * scatter_back(kept, order) * inbox.valid
        return state, Mix(inbox.combine(weights), weights > 0, weights)
