"""Who hears whom, round by round: graphs that may be redrawn, links that may lose messages."""

from functools import lru_cache

import torch
from torch import Tensor

from byzdl.exchange.roster import Roster
from byzdl.random_streams import stream
from byzdl.topology import Network, Topology


class Links:
    """The graph and the roster of every round: of the seed and the round alone, whatever was asked before.

    - `networks`: a run's graphs, in order; one, unless `topology` has it redrawn
    - `learners`: who trains and aggregates
    """

    def __init__(
        self,
        networks: tuple[Network, ...],
        topology: Topology,
        learners: tuple[int, ...],
        seed: int,
        device: torch.device,
    ):
        self.networks = networks
        self.topology = topology
        self.learners = learners
        self.seed = seed
        self.device = device
        # A round asks several times, and graphs stay for many rounds.
        self._drawn = lru_cache(maxsize=1)(self._of_graph)
        self._thinned = lru_cache(maxsize=1)(self._of_round)

    def network(self, round: int) -> Network:
        """The graph of a round (rounds count from 0)."""
        return self.networks[self._phase(round)]

    def roster(self, round: int) -> Roster:
        """Who hears whom in a round."""
        return self._thinned(round) if self.topology.drop else self._drawn(self._phase(round))

    def lost(self, round: int) -> Tensor:
        """Which messages a round loses, whether or not there is an edge [n, n]: receivers by senders."""
        n = self.networks[0].n
        return torch.from_numpy(stream(self.seed, "drop", round).random((n, n)) < self.topology.drop)

    def _phase(self, round: int) -> int:
        return round // self.topology.redraw_every if self.topology.redraw_every else 0

    def _of_graph(self, phase: int) -> Roster:
        # What a round thins out stays on the host until then: a device would be waited for.
        device = torch.device("cpu") if self.topology.drop else self.device
        return Roster.of(self.networks[phase], self.learners, device, everybody=self.topology.redraw_every > 0)

    def _of_round(self, round: int) -> Roster:
        return self._drawn(self._phase(round)).without(self.lost(round)).to(self.device)
