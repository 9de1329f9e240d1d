"""Which samples a node trains on, one mini-batch after another."""

import numpy as np

from byzdl.data.partition import Holding, Index
from byzdl.random_streams import stream


class Batches:
    """Mini-batches of every node's own data, reshuffled each local epoch.

    A node's epoch is floor(|D_i| / batch_size) mini-batches; what is left over is dropped until the
    next shuffle. Everything is a function of (seed, node, number) alone, where mini-batches are numbered
    from 0 on over all epochs: at one local step a round, by rounds.
    """

    def __init__(self, holdings: tuple[Holding, ...], batch_size: int, seed: int):
        self.holdings = holdings
        self.batch_size = batch_size
        self.seed = seed
        self._shuffled: dict[int, tuple[int, Index]] = {}

    def epoch_length(self, node: int) -> int:
        """Mini-batches in an epoch of the node."""
        return len(self.holdings[node].train) // self.batch_size

    def current(self, node: int, number: int) -> Index:
        """A mini-batch xi_i."""
        epoch, step = divmod(number, self.epoch_length(node))
        if self._shuffled.get(node, (-1,))[0] != epoch:
            order = stream(self.seed, "batches", node, epoch).permutation(self.holdings[node].train)
            self._shuffled[node] = (epoch, order)
        start = step * self.batch_size
        return self._shuffled[node][1][start : start + self.batch_size]

    def fresh(self, node: int, round: int) -> Index:
        """Another mini-batch of the same data, for screening alone."""
        own = self.holdings[node].train
        chosen = stream(self.seed, "screen", node, round).permutation(len(own))[: self.batch_size]
        return own[np.sort(chosen)]
