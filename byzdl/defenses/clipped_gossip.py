"""Clipped gossip: no neighbour moves a node by more than tau."""

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
    """x_i + sum_j W_ij clip(x_j - x_i, tau), clip(v, tau) = v min(1, tau / ||v||), with Metropolis weights.

    Centered clipping around the own model (SCClip).

    - `tau`: a number; or `theory`: tau^2 = sum_good W_ij ||x_i - x_j||^2 / sum_bad W_ij, where it is known who is
      good (no clipping where nobody is bad); or `estimated`: the same with the nearest neighbours for the good,
      as many as leave out at least the weight that f neighbours can have, and all others for the bad
      (the default, as `theory`, with which the authors prove their bounds, asks for what no node can know)
    - `f`: Byzantine neighbours to tolerate under `estimated`, an integer or `known`; without a meaning otherwise

    **Assumes** under `theory` that a node knows who is Byzantine, which none does: an upper bound on what clipping
    can do; under `estimated` f Byzantine neighbours; under a number that the benign differ by less than it. Where
    |N_i| <= f the estimate is 0 and nothing is mixed in, which run.json and the log say. A model that is not
    finite is never mixed in; for `estimated` it is the farthest, for `theory` it is absent, good or bad.

    **Source:** L. He, S. P. Karimireddy, M. Jaggi, *Byzantine-robust decentralized learning via ClippedGossip*
    (2022, arXiv 2202.01545). There the theory has the expected squared distances, here they are the round's own. Public
    codes of the estimate differ: for the bad they put what all others weigh, as here, what f can weigh, or they take the
    second largest distance for tau.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    tau: Annotated[float | str, takes("a number, at least 0, theory or estimated", _threshold)] = "estimated"

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "there nothing is mixed in"

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
        """tau of every learner [L]."""
        if not isinstance(self.tau, str):
            return torch.full((len(distances),), self.tau, dtype=torch.float64, device=distances.device)
        if self.tau == "theory":
            w = inbox.metropolis.double() * inbox.valid
            good, bad = ~inbox.truth.byzantine, (w * inbox.truth.byzantine).sum(1)
        else:
            order, weight = nearest_first(inbox, distances)
            w = (inbox.metropolis.double() * inbox.present).gather(1, order)
            distances, total = distances.gather(1, order), weight[:, -1:]
            # Sums of the same weights in another order differ by rounding.
            good = weight <= total - tolerated_weight(inbox, self.tolerated(inbox))[:, None] + 1e-9
            bad = (w * ~good).sum(1)
        spread = torch.where(good & (w > 0) & distances.isfinite(), w * distances.square(), 0.0).sum(1)
        return torch.where(bad > 0, spread / bad, torch.inf).sqrt()
