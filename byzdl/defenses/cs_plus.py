"""CS+: gossip with clipped differences, for Byzantine neighbours of bounded weight."""

from typing import ClassVar

import torch

from byzdl.config.types import PositiveShare
from byzdl.defenses.base import Tolerant
from byzdl.defenses.weighted import clipped, nearest_first, tolerated_weight
from byzdl.exchange import Inbox, Mix


class CsPlus(Tolerant):
    """Mixes in all differences to the own model, clipped to a norm set by the nearest neighbours.

    Clipped sum: x_i + eta sum_j W_ij clip(x_j - x_i, tau), with the Metropolis weights W. F is the most that f
    neighbours can weigh. tau is the norm beyond which lies the weight 2F. In order of their norms, it is the largest
    one up to which the differences weigh at most the total weight minus 2F; 0 if there is none.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[1.0], [2.0], [90.0]])])
    >>> CsPlus(f=1).aggregate((), inbox)[1].models  # W_ij = 1/4, F = 1/4, tau = 1
    tensor([[0.7500]])

    - `eta`: the step; 1 is plain gossip, if nothing is clipped
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** Byzantine neighbours of weight F at most, less than half of the total. Where |N_i| <= 2f, nothing is
    mixed in; run.json and the log say so. A non-finite model counts as the farthest, so 2F is spent on it first. It is
    never mixed in.

    **Source:** R. Gaucher, A. Dieuleveut, H. Hendrikx, *Unified breakdown analysis for Byzantine robust gossip*
    (ICML 2025, arXiv 2410.10418); the threshold is that of their public code. The paper takes F as given. Here it is
    the most that any f neighbours can weigh; in their code, f times the heaviest weight.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    eta: PositiveShare = 1.0

    needs: ClassVar[int] = 1
    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "these nodes mix nothing in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        distances = inbox.distances()
        order, cumulative = nearest_first(inbox, distances)
        budget = cumulative[:, -1:] - 2 * tolerated_weight(inbox, self.tolerated(inbox))[:, None]
        # The margin is for rounding: the two sides add the same weights in different orders.
        within = (cumulative <= budget + 1e-9) & inbox.valid.gather(1, order)
        norms = torch.where(within, distances.gather(1, order), 0.0)
        tau = torch.cat([norms.new_zeros(len(norms), 1), norms], dim=1).amax(1)
        weights = self.eta * inbox.metropolis * inbox.valid * clipped(distances, tau)
        return state, Mix(inbox.combine(weights), weights > 0, weights)
