"""Bucketing: means of randomly drawn groups."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from byzdl.config.types import Count
from byzdl.exchange import Inbox
from byzdl.preaggregation.base import Blend, Preaggregation
from byzdl.random_streams import stream


class Bucketing(Preaggregation):
    """Shuffles the received models, and replaces them by the means of buckets of `size` models each.

    The last bucket may hold fewer models; the own model is in no bucket. A bucket's mixing weight is the sum of its
    members' weights. The defense's f stays as it is.

    - `size`: s, the number of models in a bucket

    **Assumes** what the defense assumes, with |N_i| / s buckets in place of |N_i| neighbours. A model that is not finite
    is in no bucket. `credibility` remembers each neighbour and refuses this step; `local` and `oracle` take no pre-step.

    **Source:** S. P. Karimireddy, L. He, M. Jaggi, *Byzantine-robust learning on heterogeneous datasets via bucketing*
    (ICLR 2022).
    """

    regroups: ClassVar[bool] = True

    size: Count = 2

    def seen(self, neighbours: int) -> int:
        return -(-neighbours // self.size)

    def blend(self, inbox: Inbox) -> Blend:
        learners, k = inbox.rows.shape
        buckets = -(-k // self.size)
        nodes = inbox.nodes[: learners // inbox.copies]
        drawn = _drawn(inbox.seed, inbox.round, nodes, k).to(inbox.rows.device).repeat(inbox.copies, 1)
        keys = drawn.masked_fill(~inbox.valid, torch.inf)
        rank = keys.argsort(dim=1, stable=True).argsort(dim=1)
        own = torch.arange(buckets, device=rank.device)[:, None]
        member = ((rank // self.size)[:, None] == own) & inbox.valid[:, None]  # [L, q, k]
        shares = torch.zeros(learners, 1 + buckets, 1 + k, device=rank.device)
        shares[:, 0, 0] = 1
        shares[:, 1:, 1:] = member / member.sum(2, keepdim=True).clamp(min=1)
        return Blend(shares, (member * inbox.metropolis[:, None]).sum(2))


@lru_cache(maxsize=1)  # an attack that tries out messages asks many times per round
def _drawn(seed: int, round: int, nodes: tuple[int, ...], k: int) -> Tensor:
    """Draws the sort keys that shuffle a round's messages [L, k]. A node's keys do not depend on other nodes."""
    return torch.from_numpy(np.stack([stream(seed, "bucketing", node, round).random(k) for node in nodes]))
