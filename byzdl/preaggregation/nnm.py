"""Nearest-neighbour mixing (NNM)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from byzdl.exchange import Conditions, Inbox, Tolerance
from byzdl.preaggregation.base import Blend, Preaggregation
from byzdl.vectors.blocks import pairwise_squared
from byzdl.vectors.selection import smallest


class Nnm(Tolerance, Preaggregation):
    """Replaces every model of the pool by the mean of the |N_i| + 1 - f models nearest to it, itself included.

    The pool is i and N_i, so the own model is replaced, too.

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine models in a pool of more than 2f, so |N_i| >= 2f; run.json and the log warn of nodes with
    fewer neighbours. If f leaves less than one model, every model stays as it is. A model that is not finite is in no
    mean, and stays as it is.

    **Source:** Y. Allouah et al., *Fixing by mixing: a recipe for optimal Byzantine ML under heterogeneity* (AISTATS 2023).
    """

    group: ClassVar[str] = "pre"
    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = (
        "at these nodes f models are no minority of the pool, and may outweigh the others in a mean"
    )

    def check(self, conditions: Conditions) -> None:
        self.check_f(conditions)

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        return self.facts_of_f(conditions)

    def blend(self, inbox: Inbox) -> Blend:
        members = inbox.members
        learners, p = members.shape
        squared = pairwise_squared(inbox.models, inbox.pool)
        count = (inbox.degree + 1 - self.tolerated(inbox)).clamp(min=1).repeat_interleave(p)
        among = (members[:, :, None] & members[:, None, :]).flatten(0, 1)
        near = smallest(squared.flatten(0, 1), count, among=among).view(learners, p, p)
        # A model that is not finite goes on as it is, for the defense to reject.
        present = torch.cat([inbox.present.new_ones(learners, 1), inbox.present], dim=1)
        itself = torch.eye(p, dtype=torch.bool, device=near.device) & (present & ~members)[:, :, None]
        shares = (near | itself).to(inbox.metropolis.dtype)
        return Blend(shares / shares.sum(2, keepdim=True).clamp(min=1), inbox.metropolis)
