"""The interface of a pre-step: each model that the defense sees is a mean of models in the pool."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.config.types import Component
from byzdl.exchange import Conditions, Inbox, Mix
from byzdl.vectors.weighted_sums import weighted_sums


class Blend(NamedTuple):
    """Describes the models that the defense sees: the own model, then q others.

    - `shares` [L, 1 + q, 1 + k]: weights of the pool's models in each of them. The pool is i and N_i, the own model
      first; a row of zeros stands for no model
    - `metropolis` [L, q]: mixing weights of the q models

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[4.0], [8.0]])])
    >>> average = Blend(torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]]), metropolis=torch.tensor([[0.5]]))
    >>> blended(inbox, average).models
    tensor([[0.],
            [6.]])
    """

    shares: Tensor
    metropolis: Tensor


class Preaggregation(Component):
    """Blends the received models before any defense sees them: the base class of all pre-steps.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> from byzdl.preaggregation import Blend, Preaggregation, blended
    >>> class Halfway(Preaggregation):
    ...     def blend(self, inbox):
    ...         shares = (torch.eye(inbox.pool.shape[1]) / 2).repeat(len(inbox.rows), 1, 1)
    ...         shares[:, :, 0] += 0.5
    ...         return Blend(shares, inbox.metropolis)
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[4.0], [8.0]])])
    >>> blended(inbox, Halfway().blend(inbox)).distances()
    tensor([[2., 4.]], dtype=torch.float64)

    Class attributes:

    - `regroups`: a column of the blended models no longer belongs to its neighbour
    """

    regroups: ClassVar[bool] = False

    def seen(self, neighbours: int) -> int:
        """Returns the number of models that the defense sees, for a number of neighbours."""
        return neighbours

    def check(self, conditions: Conditions) -> None:
        """Refuses a (first) graph on which the step's preconditions fail.

        **Raises:** `ConfigError`, with the key to change.
        """

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        """Returns the step's entry in run.json, beside its configuration. An entry `warning` is also logged."""
        return {}

    def blend(self, inbox: Inbox) -> Blend | None:
        """Returns the blend of an inbox, or None for no blending."""
        return None


def blended(inbox: Inbox, blend: Blend) -> Inbox:
    """Applies a blend to an inbox.

    In the new inbox a blended model counts as Byzantine if any part of it is. The number of Byzantine neighbours
    (`truth.count`) stays as it was.

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[4.0], [8.0]])], byzantine=[[False, True]])
    >>> average = Blend(torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]]), metropolis=torch.tensor([[0.5]]))
    >>> blended(inbox, average).truth
    Truth(byzantine=tensor([[True]]), count=tensor([1]))
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
        copies=1,
    )


def unblend(mix: Mix, blend: Blend) -> Mix:
    """Translates a defense's decision on blended models into weights of the received ones.

    A received model counts as accepted if its weight is not 0.

    >>> average = Blend(torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]]), metropolis=torch.tensor([[0.5]]))
    >>> mix = Mix(torch.tensor([[3.0]]), selected=torch.tensor([[True]]), weights=torch.tensor([[0.5]]))
    >>> unblend(mix, average).weights
    tensor([[0.2500, 0.2500]])
    """
    if mix.weights is None:
        return Mix(mix.models, None, None, mix.fallback)
    own = 1 - mix.weights.sum(1, keepdim=True)
    own = torch.where(own.abs() < 1e-6, 0.0, own)  # a rounding error is no weight
    every = torch.cat([own, mix.weights], dim=1)
    weights = (every[:, None] @ blend.shares.to(every.dtype))[:, 0, 1:]
    return Mix(mix.models, weights != 0, weights, mix.fallback)
