"""UBAR: a distance stage, then a loss stage."""

from typing import ClassVar, Literal

import torch

from byzdl.config.types import Mixing, NonNegative, PositiveShare
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.selection import smallest


class Ubar(Defense):
    """Keeps the nearest neighbours, and mixes in those of them with a loss no higher than the own loss.

    Stage 1 keeps the rho |N_i| nearest neighbours. Stage 2 selects those of them with a loss of at most the own loss,
    and mixes the mean of their models with the own model. If none passes, a fall-back selects one of the kept
    neighbours.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[9.0], [-1.0], [5.0], [2.0], [-7.0]])
    >>> inbox = by_hand(torch.tensor([[0.0]]), [received], loss=lambda node, model: abs(model.item() - 2))
    >>> _, mix = Ubar(rho=0.4).aggregate((), inbox)  # stage 1 keeps -1 and 2, of losses 3 and 0; the own loss is 2
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[False, False, False, True, False]], [[1.0]])

    - `alpha`: weight of the own model in the mix; or `uniform`, the same weight as each selected model
    - `rho`: the expected share of benign neighbours
    - `rounding`: rounding of rho |N_i|: `up`, or `down` to at least 1
    - `tolerance`: the accepted excess over the own loss
    - `fallback`: the neighbour of `least_loss`, or the `nearest` one

    **Assumes** that at least the share rho of a node's neighbours is benign.

    **Source:** S. Guo et al., *Byzantine-resilient decentralized stochastic gradient descent* (IEEE TCSVT 2022, arXiv
    2002.08569). The defaults follow the paper: rounded up, no tolerance on the loss, fall-back to the least loss,
    alpha. Public code (nicehiro/byzantine-resilient, as MOZI) rounds down, tolerates 0.02, falls back to the nearest
    and averages uniformly. Either fall-back chooses among the kept neighbours with a finite loss.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Mixing = 0.5
    rho: PositiveShare = 0.4
    rounding: Literal["up", "down"] = "up"
    tolerance: NonNegative = 0.0
    fallback: Literal["least_loss", "nearest"] = "least_loss"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        distances, share = inbox.distances(), self.rho * inbox.degree.double()
        # In floats, 0.07 x 100 = 7.000000000000001 and 0.29 x 100 = 28.999999999999996: 7 and 29 are meant.
        count = (share - 1e-9).ceil() if self.rounding == "up" else (share + 1e-9).floor()
        kept = smallest(distances, count.clamp(min=1), among=inbox.valid)
        own, losses = inbox.losses(among=kept)
        finite = losses.isfinite()
        passes = finite & (losses <= own[:, None] + self.tolerance)
        substitute = smallest(losses if self.fallback == "least_loss" else distances, 1, among=finite)
        fallback = ~passes.any(1) & substitute.any(1)
        return state, inbox.mix(torch.where(fallback[:, None], substitute, passes), self.alpha, fallback)
