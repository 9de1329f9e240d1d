"""GTS: gossip without the largest differences."""

from typing import ClassVar

import torch

from byzdl.config.types import PositiveShare
from byzdl.defenses.base import Tolerant
from byzdl.defenses.weighted import nearest_first, scatter_back, tolerated_weight
from byzdl.exchange import Inbox, Mix


class Gts(Tolerant):
    """Geometric trimmed sum: x_i + eta sum_j W_ij (x_j - x_i), without the largest differences of total weight F.

    The difference at the border counts in part. W are the Metropolis weights, F the most that f neighbours weigh.

    - `eta`: the step; 1 is plain gossip, where nothing is removed
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** Byzantine neighbours of weight F at most. Where |N_i| <= f nothing is mixed in, which run.json
    and the log say. A model that is not finite counts as the farthest, so that F is spent on it first; it is
    never mixed in. Of equally far ones the right one is removed.

    **Source:** R. Gaucher, A. Dieuleveut, H. Hendrikx, *Unified breakdown analysis for Byzantine robust gossip*
    (ICML 2025, arXiv 2410.10418). There F is given; here it is what f neighbours can weigh, whoever they are. Their public
    code takes f times the heaviest weight for F, and of the border one keeps the part to be removed.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    eta: PositiveShare = 1.0

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "there nothing is mixed in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        order, weight = nearest_first(inbox, inbox.distances())
        budget = weight[:, -1:] - tolerated_weight(inbox, self.tolerated(inbox))[:, None]
        # Differences of rounding are no weight.
        budget = torch.where(budget < 1e-12, 0.0, budget)
        taken = torch.minimum(weight, budget).diff(dim=1, prepend=torch.zeros_like(budget))
        weights = self.eta * scatter_back(taken, order) * inbox.valid
        return state, Mix(inbox.combine(weights), weights > 0, weights)
