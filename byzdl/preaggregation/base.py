"""What a pre-step is: every model that the defense will see as a mean of models of the pool."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.config.types import Component
from byzdl.exchange import Conditions, Inbox, Mix
from byzdl.vectors.weighted_sums import weighted_sums


class Blend(NamedTuple):
    """What the defense will see, q models beside the own one.

    - `shares` [L, 1 + q, 1 + k]: of which parts of the pool (N_i and i, the own model first) each is made, the own one
      first; a row of zeros where there is none
    - `metropolis` [L, q]: at which mixing weight each stands
    """

    shares: Tensor
    metropolis: Tensor


class Preaggregation(Component):
    """A pre-step, in front of any defense.

    - `regroups`: whether what the defense sees in a column is no longer of that neighbour
    """

    regroups: ClassVar[bool] = False

    def seen(self, neighbours: int) -> int:
        """How many models the defense sees of so many neighbours."""
        return neighbours

    def check(self, conditions: Conditions) -> None:
        """Refuse, with a `ConfigError`, a (first) graph on which the step's preconditions fail."""

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        """What run.json should say of the step on its (first) graph beyond its configuration; a `warning` is logged, too."""
        return {}

    def blend(self, inbox: Inbox) -> Blend | None:
        """How to blend an inbox; None for not at all."""
        return None


def blended(inbox: Inbox, blend: Blend) -> Inbox:
    """The inbox in which every model is what the blend says.

    A neighbour's model in it counts as Byzantine where any part of it is; how many neighbours are Byzantine stays what it was.
    """
    shares, parts = blend.shares, blend.shares[:, 1:]
    learners, q = parts.shape[:2]
    pool = torch.cat([inbox.pool, inbox.pool.repeat_interleave(q, dim=0)])
    models = weighted_sums(inbox.models, pool, torch.cat([shares[:, 0], parts.flatten(0, 1)]))
    rows = torch.arange(learners * q, device=pool.device).view(learners, q) + learners
    return replace(
        inbox,
        models=models,
        rows=rows,
        present=(parts != 0).any(2),
        metropolis=blend.metropolis,
        truth=replace(inbox.truth, byzantine=((parts[:, :, 1:] != 0) & inbox.truth.byzantine[:, None]).any(2)),
    )


def unblend(mix: Mix, blend: Blend) -> Mix:
    """What a defense decided about blended models, as weights of those that came in; let in is what has weight."""
    if mix.weights is None:
        return Mix(mix.models, None, None, mix.fallback)
    own = 1 - mix.weights.sum(1, keepdim=True)
    own = torch.where(own.abs() < 1e-6, 0.0, own)  # rounding is no weight
    every = torch.cat([own, mix.weights], dim=1)
    weights = (every[:, None] @ blend.shares.to(every.dtype))[:, 0, 1:]
    return Mix(mix.models, weights != 0, weights, mix.fallback)
