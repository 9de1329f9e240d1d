"""DnC, divide and conquer: drops the outliers along the direction of largest variance of random coordinates."""

from functools import lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from byzdl.config.types import Count, Positive
from byzdl.defenses.base import Tolerant
from byzdl.defenses.pool_mean import pool_mean
from byzdl.exchange import Inbox, Mix
from byzdl.random_streams import stream
from byzdl.vectors.blocks import centred_gram
from byzdl.vectors.selection import smallest, tied_ranks


class Dnc(Tolerant):
    """Drops the c f outliers along the direction of largest variance, several times, and averages all others.

    Each time, a node draws some coordinates at random. In these, it finds the direction in which the own and the
    received models vary most, and drops the c f models farthest from the mean along it. All models are looked at each
    time.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0, 0.0]]), [torch.tensor([[3.0, 0.0], [0.0, 3.0], [80.0, -60.0]])])
    >>> _, mix = Dnc(f=1).aggregate((), inbox)
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, True, False]], [[1.0, 1.0]])

    - `iterations`: how often coordinates are drawn
    - `coordinates`: how many are drawn each time; all, once, where the model has no more
    - `c`: the number of models to drop each time, as a multiple of f, rounded up
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 2f; run.json and the log warn of nodes with fewer. Each time, one
    model at least is not dropped. Where none is left in the end, or the own model is not finite, the node keeps its own
    model. A non-finite model is dropped first, and counts as one of the c f.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine: optimizing model poisoning attacks and
    defenses for federated learning* (NDSS 2021), applied to models. Public implementations draw 1 or 5 times, 10,000
    coordinates or a fifth of all, and have c = 1.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    iterations: Count = 5
    coordinates: Count = 10_000
    c: Positive = 1.0

    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "at these nodes f models are no minority of the pool"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        members = inbox.members
        drops = (self.tolerated(inbox) * self.c - 1e-9).ceil().long()
        stay = (inbox.degree + 1 - drops).clamp(min=1)
        kept = members
        for gram in self._grams(inbox):
            near = smallest(_outlyingness(gram, members), stay, among=members)
            kept = kept & near
        return state, pool_mean(inbox, kept)

    def _grams(self, inbox: Inbox) -> list[Tensor]:
        """Computes the inner products of the pool in each draw's coordinates, each [L, 1 + k, 1 + k]."""
        d, learners = inbox.models.shape[1], len(inbox.rows) // inbox.copies
        if d <= self.coordinates:
            return [inbox.gram()]
        nodes = inbox.nodes[:learners]
        drawn = _drawn(inbox.seed, inbox.round, nodes, self.iterations, self.coordinates, d).to(inbox.rows.device)
        grams = []
        for coordinates in drawn.unbind(1):
            gram = inbox.models.new_empty(*inbox.pool.shape, inbox.pool.shape[1], dtype=torch.float64)
            for i, own in enumerate(coordinates):
                gram[i::learners] = centred_gram(inbox.models.index_select(1, own), inbox.pool[i::learners])
            grams.append(gram)
        return grams


def _outlyingness(gram: Tensor, members: Tensor) -> Tensor:
    """Ranks the models of each row by their distance from the mean along the direction of largest variance [L, p].

    - `gram` [L, p, p]: inner products of the models around any centre
    - `members` [L, p]: mask of the models that count
    """
    both = members[:, :, None] & members[:, None, :]
    share = members.double() / members.sum(1, keepdim=True).clamp(min=1)
    gram = torch.where(both, gram, 0.0)
    to_mean = torch.bmm(gram, share[:, :, None])
    around_mean = gram - to_mean - to_mean.mT + torch.bmm(share[:, None], to_mean)
    # The top left singular vector of the models around their mean: their projections, but for a factor.
    top = torch.linalg.eigh(torch.where(both, around_mean, 0.0)).eigenvectors[:, :, -1]
    return tied_ranks(top.square())


@lru_cache(maxsize=1)  # an attack that tries out messages asks many times per round
def _drawn(seed: int, round: int, nodes: tuple[int, ...], iterations: int, count: int, d: int) -> Tensor:
    """Draws coordinates [L, iterations, count]. A node's coordinates do not depend on other nodes."""
    streams = [stream(seed, "defense", round, node) for node in nodes]
    every = [[np.sort(one.choice(d, count, replace=False)) for _ in range(iterations)] for one in streams]
    return torch.from_numpy(np.array(every).reshape(len(nodes), iterations, count))
