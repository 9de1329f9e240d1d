"""One benign voice, many times over."""

import torch
from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.blocks import finite


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

    def send(self, state: Tensor | tuple[()], view: AttackView) -> tuple[Tensor, Messages]:
        whom = state
        if not isinstance(whom, Tensor):
            there = finite(view.benign)[:, None]
            mean = view.benign.masked_fill(~there, 0.0).sum(0) / there.sum().clamp(min=1)
            far = torch.linalg.vector_norm(view.benign - mean, dim=1, dtype=torch.float64)
            whom = view.benign_learners[far.masked_fill(~there[:, 0], -1.0).argmax()[None]]
        return whom, Messages.same(view.after.index_select(0, whom)[0], view)
