"""CS+: gossip with differences clipped to those that are surely not all Byzantine."""

from typing import ClassVar

import torch

from byzdl.config.types import PositiveShare
from byzdl.defenses.base import Tolerant
from byzdl.defenses.weighted import clipped, nearest_first, tolerated_weight
from byzdl.exchange import Inbox, Mix


class CsPlus(Tolerant):
    """Clipped sum: x_i + eta sum_j W_ij clip(x_j - x_i, tau), tau the norm beyond which lies the weight 2F.

    In order of their norms, tau is the largest up to which the differences weigh at most what all weigh less
    2F; 0 if there is none. W are the Metropolis weights, F the most that f neighbours weigh.

    - `eta`: the step; 1 is plain gossip, where nothing is clipped
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** Byzantine neighbours of weight F at most, less than half of all. Where |N_i| <= 2f nothing is
    mixed in, which run.json and the log say. A model that is not finite counts as the farthest, so that 2F is
    spent on it first; it is never mixed in.

    **Source:** R. Gaucher, A. Dieuleveut, H. Hendrikx, *Unified breakdown analysis for Byzantine robust gossip*
    (ICML 2025, arXiv 2410.10418); the threshold is that of their public code. There F is given; here it is what f
    neighbours can weigh, whoever they are (in that code f times the heaviest weight).
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    eta: PositiveShare = 1.0

    needs: ClassVar[int] = 1
    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "there nothing is mixed in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        distances = inbox.distances()
        order, weight = nearest_first(inbox, distances)
        budget = weight[:, -1:] - 2 * tolerated_weight(inbox, self.tolerated(inbox))[:, None]
        # Sums of the same weights in another order differ by rounding.
        within = (weight <= budget + 1e-9) & inbox.valid.gather(1, order)
        norms = torch.where(within, distances.gather(1, order), 0.0)
        tau = torch.cat([norms.new_zeros(len(norms), 1), norms], dim=1).amax(1)
        weights = self.eta * inbox.metropolis * inbox.valid * clipped(distances, tau)
        return state, Mix(inbox.combine(weights), weights > 0, weights)
