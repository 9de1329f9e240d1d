"""UBAR: near in distance first, then no worse in loss."""

import torch

from byzdl.defenses.base import Defense, smallest
from byzdl.exchange import Inbox, Mix
from byzdl.schema import PositiveShare, Share


class Ubar(Defense):
    """Keep the ceil(rho |N_i|) nearest neighbours, then those whose loss is at most the own; if none, the one of least loss.

    - `alpha`: weight of the own model in the mix
    - `rho`: the share of benign neighbours that is counted on

    **Assumes** that at least the share rho of a node's neighbours is benign.

    **Source:** S. Guo et al., *Byzantine-resilient decentralized stochastic gradient descent* (2021). Where
    public codes differ, this follows the paper: rounded up, no tolerance on the loss, fall-back to the least
    loss. That fall-back chooses among stage 1's neighbours whose loss is finite.
    """

    alpha: Share = 0.5
    rho: PositiveShare = 0.4

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        # The small allowance keeps 0.07 x 100 = 7.000000000000001 from counting as 8.
        count = (self.rho * inbox.degree.double() - 1e-9).ceil().clamp(min=1)
        near = smallest(inbox.distances(), count, among=inbox.valid)
        own, losses = inbox.losses(among=near)
        passes = losses.isfinite() & (losses <= own[:, None])
        least = smallest(losses, 1, among=losses.isfinite())
        fallback = ~passes.any(1) & least.any(1)
        return state, inbox.mix(torch.where(fallback[:, None], least, passes), self.alpha, fallback)
