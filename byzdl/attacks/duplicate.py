"""One benign voice, many times over."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.vectors.blocks import finite


class DuplicateState(NamedTuple):
    """The benign node that is copied.

    - `chosen`: whether it is chosen yet
    - `row` [1]: its learner row
    """

    chosen: bool
    row: Tensor


class Duplicate(Attack):
    """All attackers copy one benign node: the one whose finite model is farthest from the benign mean in the first round.

    Nothing that is sent is wrong, and no defense can call it so; but the data of one node count as those of many.
    With `scope: neighbourhood` that is a node for each victim, of its first neighbourhood: it may be the victim itself, whose
    own model then comes back to it, and on a graph that changes it stays the same where it is no neighbour any more.

    **Knows** all benign models in the first round, and one of them in every later one.

    **Source:** Z. Wu, T. Chen, Q. Ling, *Byzantine-resilient decentralized stochastic optimization with robust
    aggregation rules* (IEEE TSP 2023, arXiv 2206.04568), the duplicating attack. Deviation: their public code copies a
    benign neighbour of the victim, drawn for each victim in each round; here it is one node throughout, for all victims.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def init(self, learners: int, d: int) -> DuplicateState:
        return DuplicateState(False, torch.zeros(1, dtype=torch.long))

    def send(self, state: DuplicateState, view: AttackView) -> tuple[DuplicateState, Messages]:
        if not state.chosen:
            there = finite(view.benign)[:, None]
            mean = view.benign.masked_fill(~there, 0.0).sum(0) / there.sum().clamp(min=1)
            far = torch.linalg.vector_norm(view.benign - mean, dim=1, dtype=torch.float64)
            state = DuplicateState(True, view.benign_rows[far.masked_fill(~there[:, 0], -1.0).argmax()[None]])
        return state, Messages.same(view.after.index_select(0, state.row)[0], view)
