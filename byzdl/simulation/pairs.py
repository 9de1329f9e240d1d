"""The distinct pairs of a learner and a model, among the losses that a defense asks for."""

from typing import NamedTuple

import torch
from torch import Tensor


class Pairs(NamedTuple):
    """Holds p distinct pairs, in order of learners.

    - `learners`, `models` [p]: of each pair, the learner and the row of the model
    - `place` [w]: for each wanted entry, in row-major order, the place of its pair among the p
    - `hosted` [p]: `learners`, on the host
    """

    learners: Tensor
    models: Tensor
    place: Tensor
    hosted: list[int]


class DistinctPairs:
    """Finds distinct pairs, and keeps the last ones: most rules ask for the same ones in every round.

    >>> pairs = DistinctPairs().of(torch.tensor([[0, 2, 2], [1, 2, 0]]), torch.tensor([[True] * 3, [True, True, False]]), 3)
    >>> pairs.learners, pairs.models, pairs.place
    (tensor([0, 0, 1, 1]), tensor([0, 2, 1, 2]), tensor([0, 1, 1, 2, 3]))
    """

    def __init__(self) -> None:
        self._last: tuple[int, Tensor, Pairs] | None = None

    def of(self, rows: Tensor, wanted: Tensor, m: int) -> Pairs:
        """Returns the distinct pairs among the wanted entries [L, p] of `rows` [L, p], which are below m."""
        keys = rows + m * torch.arange(len(rows), device=rows.device)[:, None]
        keys = torch.where(wanted, keys, -1)
        # The comparison is the only wait for the device in a round. It pays off: about half of all pairs are padding,
        # copies or unwanted.
        if self._last is None or self._last[0] != m or not torch.equal(self._last[1], keys):
            self._last = m, keys, _distinct(keys[wanted], m)
        return self._last[2]


def _distinct(keys: Tensor, m: int) -> Pairs:
    distinct, place = torch.unique(keys.cpu(), return_inverse=True)
    learners = distinct // m
    return Pairs(learners.to(keys.device), (distinct % m).to(keys.device), place.to(keys.device), learners.tolist())
