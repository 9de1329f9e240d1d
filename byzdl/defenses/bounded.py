"""The paper's method with a bound on norms: ours, no published rule."""

from dataclasses import replace
from typing import Annotated, ClassVar

import torch

from byzdl.config.types import takes
from byzdl.defenses.loss_threshold import LossThreshold, LossThresholdState
from byzdl.exchange import Inbox, Mix


class Bounded(LossThreshold):
    """Acts as loss_threshold among the models whose norm is near that of the own model.

    A received model x_j is open to eq. 4 and to the fall-back if ||x_i|| / factor <= ||x_j|| <= factor ||x_i||. All
    others count as not received, and their losses are not evaluated. A loss has no such bound: of a model that answers
    all samples right, twice the model has a smaller loss still.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[1.25], [4.0]])
    >>> inbox = by_hand(torch.tensor([[1.0]]), [received], loss=lambda node, model: 1 / model.item())
    >>> _, mix = Bounded(factor=1.5).aggregate(Bounded().init(1, 2), inbox)  # losses 1, 0.8 and 0.25
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, False]], [[1.125]])

    - `factor`: the largest ratio of the two norms, either way. With 1.5, models still explode within 400 rounds of
      skewed digits under isolation; with 1.1 none did
    - all others: see `LossThreshold`

    **Assumes** nothing about the number of Byzantine neighbours, but that the norms of benign models differ by less
    than the factor. A norm can still grow by the factor in each round, so the bound slows an explosion and does not end
    it. A node with a non-finite own model accepts nobody.

    **Source:** ours; a variant of S. Masuda, K. Shudo, *Loss Based Byzantine Resilience for Decentralized Learning*,
    eq. 4-7, which has no such bound.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    factor: Annotated[float, takes("a number above 1", lambda v: 1 < v < float("inf"))] = 1.1

    def aggregate(self, state: LossThresholdState, inbox: Inbox) -> tuple[LossThresholdState, Mix]:
        norms = torch.linalg.vector_norm(inbox.models, dim=1, dtype=torch.float64)
        own, received = norms[inbox.own_rows, None], norms[inbox.rows]
        near = (received <= self.factor * own) & (own <= self.factor * received)
        return super().aggregate(state, replace(inbox, present=inbox.present & near))
