"""Clipped gossip: no neighbour moves a node by more than its weight times tau."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from byzdl.config.types import takes
from byzdl.defenses.base import Tolerant
from byzdl.defenses.weighted import clipped, nearest_first, tolerated_weight
from byzdl.exchange import Conditions, Inbox, Mix


def _threshold(value: float | str) -> bool:
    return value in ("theory", "estimated") if isinstance(value, str) else 0 <= value < float("inf")


class ClippedGossip(Tolerant):
    """Mixes in the difference to each neighbour, clipped to a norm of at most tau.

    x_i + sum_j W_ij clip(x_j - x_i, tau), with clip(v, tau) = v min(1, tau / ||v||) and the Metropolis weights W.
    This is centered clipping around the own model (SCClip).

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.zeros(1, 2), [torch.tensor([[1.0, 0.0], [300.0, 400.0]])])
    >>> ClippedGossip(tau=5.0).aggregate((), inbox)[1].models  # W_ij = 1/3; (300, 400) is clipped to (3, 4)
    tensor([[1.3333, 1.3333]])

    - `tau`: a number, `theory` or `estimated`. `theory` is tau^2 = sum_good W_ij ||x_i - x_j||^2 / sum_bad W_ij, with
      the truth about benign (good) and Byzantine (bad) neighbours. It clips nothing where no neighbour is Byzantine.
      `estimated` is the same formula without the truth: the nearest neighbours count as good, the rest as bad. The
      good are as many as possible while the rest weighs at least what f neighbours can weigh. `estimated` is the
      default. The authors prove their bounds with `theory`, but it asks for what no node can know
    - `f`: Byzantine neighbours to tolerate under `estimated`, an integer or `known`; without a meaning otherwise

    **Assumes**, under `theory`, that a node knows the Byzantine ones, which none does: an upper bound on what clipping
    can do. Under `estimated` it assumes f Byzantine neighbours; under a number, that benign models differ by less than
    it. Where |N_i| <= f, the estimate is 0 and nothing is mixed in; run.json and the log say so. A non-finite model is
    never mixed in. `estimated` treats it as the farthest, `theory` as absent from both sums.

    **Source:** L. He, S. P. Karimireddy, M. Jaggi, *Byzantine-robust decentralized learning via ClippedGossip* (2022,
    arXiv 2202.01545). The paper's theory has expected squared distances, here they are the round's own. Public
    implementations of the estimate differ. For the weight of the bad they take that of all other neighbours, as here,
    or what f neighbours can weigh. Or they take the second largest distance for tau.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    tau: Annotated[float | str, takes("estimated, theory, or a number, at least 0", _threshold)] = "estimated"

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "these nodes mix nothing in"

    def check(self, conditions: Conditions) -> None:
        if self.tau == "estimated":
            super().check(conditions)

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        if self.tau == "theory":
            return {"knows": "who is Byzantine"}
        return super().facts(conditions) if self.tau == "estimated" else {}

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        distances = inbox.distances()
        weights = inbox.metropolis * inbox.valid * clipped(distances, self._tau(inbox, distances))
        return state, Mix(inbox.combine(weights), weights > 0, weights)

    def _tau(self, inbox: Inbox, distances: Tensor) -> Tensor:
        """Computes tau of every learner [L]."""
        if not isinstance(self.tau, str):
            return torch.full((len(distances),), self.tau, dtype=torch.float64, device=distances.device)
        if self.tau == "theory":
            w = inbox.metropolis.double() * inbox.valid
            good, bad = ~inbox.truth.byzantine, (w * inbox.truth.byzantine).sum(1)
        else:
            order, cumulative = nearest_first(inbox, distances)
            w = (inbox.metropolis.double() * inbox.present).gather(1, order)
            distances, total = distances.gather(1, order), cumulative[:, -1:]
            # The margin is for rounding: the two sides add the same weights in different orders.
            good = cumulative <= total - tolerated_weight(inbox, self.tolerated(inbox))[:, None] + 1e-9
            bad = (w * ~good).sum(1)
        spread = torch.where(good & (w > 0) & distances.isfinite(), w * distances.square(), 0.0).sum(1)
        return torch.where(bad > 0, spread / bad, torch.inf).sqrt()
