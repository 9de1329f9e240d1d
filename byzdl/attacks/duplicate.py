"""Copies of one benign model, so that one node counts as many."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.vectors.blocks import finite


class DuplicateState(NamedTuple):
    """The copied benign node.

    - `chosen`: whether the node is chosen yet
    - `row` [1]: its learner row
    """

    chosen: bool
    row: Tensor


class Duplicate(Attack):
    """Copies one benign node: the one farthest from the benign mean in the first round.

    All attackers send this node's model x^{t+1/2}, in every round. In the choice, only finite models count.

    Each message is a benign model, so no defense can call it wrong. But the data of one node count as those of many.

    With `scope: neighbourhood`, a node is chosen for each victim, in its first neighbourhood. It may be the victim
    itself, which then receives its own model back. On a changing graph the node stays the same, even where it is no
    neighbour any more.

    **Knows** all benign models in the first round, and one of them in every later one.

    **Source:** Z. Wu, T. Chen, Q. Ling, *Byzantine-resilient decentralized stochastic optimization with robust
    aggregation rules* (IEEE TSP 2023, arXiv 2206.04568), the duplicating attack. Deviation: their public code copies a
    benign neighbour of the victim, drawn for each victim in each round; here it is one node throughout, for all
    victims.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def init(self, learners: int, d: int) -> DuplicateState:
        return DuplicateState(False, torch.zeros(1, dtype=torch.long))

    def send(self, state: DuplicateState, view: AttackView) -> tuple[DuplicateState, Messages]:
        if not state.chosen:
            is_finite = finite(view.benign)
            mean = view.benign.masked_fill(~is_finite[:, None], 0.0).sum(0) / is_finite.sum().clamp(min=1)
            distances = torch.linalg.vector_norm(view.benign - mean, dim=1, dtype=torch.float64)
            farthest = distances.masked_fill(~is_finite, -1.0).argmax()
            state = DuplicateState(True, view.benign_rows[farthest[None]])
        return state, Messages.same(view.after.index_select(0, state.row)[0], view)
