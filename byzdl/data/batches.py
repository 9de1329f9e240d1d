"""The sequence of mini-batches that a node trains on."""

import numpy as np

from byzdl.data.partition import Holding, Index
from byzdl.random_streams import stream


class Batches:
    """Draws mini-batches from every node's own data, reshuffled each local epoch.

    An epoch of a node is floor(|D_i| / batch_size) mini-batches. The remaining samples are left out until the next
    shuffle. A mini-batch is a function of (seed, node, number) alone. Numbers count from 0 on over all epochs; with one
    local step a round they are the rounds.

    >>> from byzdl.data.partition import Holding
    >>> batches = Batches((Holding(train=np.arange(5), validation=np.arange(0)),), batch_size=2, seed=0)
    >>> batches.epoch_length(node=0), batches.current(node=0, number=0).tolist()
    (2, [2, 3])
    """

    def __init__(self, holdings: tuple[Holding, ...], batch_size: int, seed: int):
        self.holdings = holdings
        self.batch_size = batch_size
        self.seed = seed
        self._shuffled: dict[int, tuple[int, Index]] = {}

    def epoch_length(self, node: int) -> int:
        """Returns the number of mini-batches in an epoch of the node."""
        return len(self.holdings[node].train) // self.batch_size

    def current(self, node: int, number: int) -> Index:
        """Returns the sample indices [batch_size] of the mini-batch xi_i."""
        epoch, step = divmod(number, self.epoch_length(node))
        if self._shuffled.get(node, (-1,))[0] != epoch:
            order = stream(self.seed, "batches", node, epoch).permutation(self.holdings[node].train)
            self._shuffled[node] = (epoch, order)
        start = step * self.batch_size
        return self._shuffled[node][1][start : start + self.batch_size]

    def fresh(self, node: int, round: int) -> Index:
        """Returns the sample indices [batch_size] of another mini-batch of the same data, for screening alone."""
        own = self.holdings[node].train
        chosen = stream(self.seed, "screen", node, round).permutation(len(own))[: self.batch_size]
        return own[np.sort(chosen)]
