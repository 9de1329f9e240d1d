"""UBAR: near in distance first, then no worse in loss."""

from typing import ClassVar, Literal

import torch

from byzdl.config.types import Mixing, NonNegative, PositiveShare
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.selection import smallest


class Ubar(Defense):
    """Keep the rho |N_i| nearest neighbours, then those whose loss is at most the own; if none, a fall-back among the kept.

    - `alpha`: weight of the own model in the mix; or `uniform`: it weighs as much as each selected one
    - `rho`: the share of benign neighbours that is counted on
    - `rounding`: of rho |N_i|, `up`, or `down` to at least 1
    - `tolerance`: by how much a loss may be above the own
    - `fallback`: the neighbour of `least_loss`, or the `nearest` one

    **Assumes** that at least the share rho of a node's neighbours is benign.

    **Source:** S. Guo et al., *Byzantine-resilient decentralized stochastic gradient descent* (IEEE TCSVT 2022,
    arXiv 2002.08569). The defaults follow the paper: rounded up, no tolerance on the loss, fall-back to the least loss, alpha.
    Public code rounds down, with a tolerance of 0.02, the nearest for a fall-back and a uniform mean (nicehiro/byzantine-resilient,
    as MOZI). Either fall-back chooses among stage 1's neighbours whose loss is finite.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Mixing = 0.5
    rho: PositiveShare = 0.4
    rounding: Literal["up", "down"] = "up"
    tolerance: NonNegative = 0.0
    fallback: Literal["least_loss", "nearest"] = "least_loss"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        distances, share = inbox.distances(), self.rho * inbox.degree.double()
        # The small allowance keeps 0.07 x 100 = 7.000000000000001 from counting as 8, and 0.29 x 100 = 28.999999999999996 as 28.
        count = (share - 1e-9).ceil() if self.rounding == "up" else (share + 1e-9).floor()
        near = smallest(distances, count.clamp(min=1), among=inbox.valid)
        own, losses = inbox.losses(among=near)
        finite = losses.isfinite()
        passes = finite & (losses <= own[:, None] + self.tolerance)
        one = smallest(losses if self.fallback == "least_loss" else distances, 1, among=finite)
        fallback = ~passes.any(1) & one.any(1)
        return state, inbox.mix(torch.where(fallback[:, None], one, passes), self.alpha, fallback)
