"""The mean of the best of all subsets of the pool: for `Mda` and `Smea`."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import ConfigError
from byzdl.defenses.base import Tolerant
from byzdl.defenses.pool_mean import pool_mean
from byzdl.exchange import Conditions, Inbox, Mix
from byzdl.vectors.subsets import LARGEST, Score, best_subset, members_first


class BestSubset(Tolerant):
    """Averages the subset of |N_i| + 1 - f models in the pool that has the least score: the base class of such rules.

    All subsets are tried, so a pool has at most 20 models.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "at these nodes the attackers may be a subset of their own, which promises nothing"

    def score(self, models: Tensor, rows: Tensor) -> Score:
        """Returns the score of subsets of the models [m, d] in each row of `rows` [L, w]."""
        raise NotImplementedError

    def check(self, conditions: Conditions) -> None:
        super().check(conditions)
        network = conditions.network
        degree, node = max((len(network.neighbours[i]), -i) for i in range(network.n))
        self._check_size(1 + conditions.seen(degree), f"node {-node}")

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        members = inbox.members
        count = members.sum(1)
        if members.shape[1] > LARGEST:  # a graph that is redrawn has a column for every node
            self._check_size(int(count.amax()), f"a node in round {inbox.round + 1}")
        columns = members_first(members)[:, :LARGEST]
        size = torch.minimum((inbox.degree + 1 - self.tolerated(inbox)).clamp(min=1), count)
        most_drops = self.f if isinstance(self.f, int) else members.shape[1]
        score = self.score(inbox.models, inbox.pool.gather(1, columns))
        kept = best_subset(score, count, count - size, columns.shape[1], most_drops)
        return state, pool_mean(inbox, torch.zeros_like(members).scatter_(1, columns, kept))

    def _check_size(self, pool: int, where: str) -> None:
        if pool > LARGEST:
            other = f"a rule that does not try all subsets, as {where} has a pool of {pool} models, above {LARGEST}"
            raise ConfigError.of("defense", self.name, other)
