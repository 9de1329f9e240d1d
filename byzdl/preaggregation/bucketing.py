"""Bucketing: means of a few, drawn at random."""

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
    """Shuffle the received models and replace them by the means of `size` at a time; the last bucket may hold fewer.

    The own model is in no bucket. A bucket's mixing weight is that of its members together. What the defense takes
    for f stays as it is.

    - `size`: s

    **Assumes** what the defense assumes of f buckets, of which there are |N_i| / s. A model that is not finite is in
    none. Refused beside `credibility`, which remembers each neighbour; `local` and `oracle` take no pre-step.

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
        keys = (
            _drawn(inbox.seed, inbox.round, inbox.nodes, k).to(inbox.rows.device).masked_fill(~inbox.valid, torch.inf)
        )
        rank = keys.argsort(dim=1, stable=True).argsort(dim=1)
        own = torch.arange(buckets, device=rank.device)[:, None]
        member = ((rank // self.size)[:, None] == own) & inbox.valid[:, None]  # [L, q, k]
        shares = torch.zeros(learners, 1 + buckets, 1 + k, device=rank.device)
        shares[:, 0, 0] = 1
        shares[:, 1:, 1:] = member / member.sum(2, keepdim=True).clamp(min=1)
        return Blend(shares, (member * inbox.metropolis[:, None]).sum(2))


@lru_cache(maxsize=1)  # an attack that rehearses asks many times a round
def _drawn(seed: int, round: int, nodes: tuple[int, ...], k: int) -> Tensor:
    """By what the messages of a round are shuffled [L, k]: a node's own numbers, whoever else there is."""
    return torch.from_numpy(np.stack([stream(seed, "bucketing", node, round).random(k) for node in nodes]))
