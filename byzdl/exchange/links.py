"""The roster of each round: graphs may be redrawn, links may lose messages, and faulty nodes may send none."""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from byzdl.exchange.roster import Roster
from byzdl.random_streams import stream
from byzdl.topology import Network, Topology


class Links:
    """Finds the graph and the roster of any round. They depend only on the seed and the round.

    - `networks`: the run's graphs, in order; a single one unless `topology.redraw_every` is set
    - `topology`: its `redraw_every` and `drop` apply
    - `learners`: node numbers of the learners, ascending
    - `silent`: `silent(round)` tells whether the Byzantine nodes send nothing in a round; by default they always send

    >>> from byzdl.topology import Complete, draw_network
    >>> topology = Complete(n=3, drop=0.3)
    >>> links = Links((draw_network(topology, 0.0, 0),), topology, (0, 1, 2), seed=0, device=torch.device("cpu"))
    >>> links.roster(round=0).present
    tensor([[ True,  True],
            [ True, False],
            [False,  True]])
    """

    def __init__(
        self,
        networks: tuple[Network, ...],
        topology: Topology,
        learners: tuple[int, ...],
        seed: int,
        device: torch.device,
        silent: Callable[[int], bool] = lambda _: False,
    ):
        self.networks = networks
        self.topology = topology
        self.learners = learners
        self.seed = seed
        self.device = device
        self.silent = silent
        # Each round asks several times, and a graph serves many rounds: silent ones, and others between them.
        self._drawn = lru_cache(maxsize=2)(self._of_graph)
        self._thinned = lru_cache(maxsize=1)(self._of_round)

    def network(self, round: int) -> Network:
        """Returns the graph of a round. Rounds count from 0."""
        return self.networks[self._phase(round)]

    def roster(self, round: int) -> Roster:
        """Returns the roster of a round."""
        return self._thinned(round) if self.topology.drop else self._drawn(self._phase(round), self.silent(round))

    def lost(self, round: int) -> Tensor:
        """Draws the lost messages of a round [n, n], receivers by senders, for all pairs of nodes."""
        n = self.networks[0].n
        return torch.from_numpy(stream(self.seed, "drop", round).random((n, n)) < self.topology.drop)

    def _phase(self, round: int) -> int:
        return round // self.topology.redraw_every if self.topology.redraw_every else 0

    def _of_graph(self, phase: int, silent: bool) -> Roster:
        network, host = self.networks[phase], torch.device("cpu")
        roster = Roster.of(network, self.learners, host, everybody=self.topology.redraw_every > 0)
        if silent:
            unsent = torch.zeros(network.n, network.n, dtype=torch.bool)
            unsent[:, network.byzantine] = True
            roster = roster.without(unsent)
        # With lost messages, every round changes the roster: on the host, so as not to wait for the device.
        return roster if self.topology.drop else roster.to(self.device)

    def _of_round(self, round: int) -> Roster:
        return self._drawn(self._phase(round), self.silent(round)).without(self.lost(round)).to(self.device)
