"""Random graphs."""

from typing import Annotated

import networkx as nx
import numpy as np

from byzdl.config.types import ConfigError, Count, Positive, PositiveShare, Share, takes
from byzdl.topology.base import Topology, shuffled


class ErdosRenyi(Topology):
    """Connects each pair of nodes with probability `cr`: the paper's random graph (n=10, C_r=0.4)."""

    cr: PositiveShare = 0.4

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return nx.gnp_random_graph(self.n, self.cr, seed=rng)


class KRegular(Topology):
    """Connects every node with `degree` random neighbours; n times `degree` must be even."""

    degree: Count = 4

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        if self.degree >= self.n or self.n * self.degree % 2:
            raise ConfigError.of(
                "topology.degree",
                self.degree,
                f"an integer below n={self.n}, with n times degree even",
            )
        return nx.random_regular_graph(self.degree, self.n, seed=rng)


class SmallWorld(Topology):
    """Connects each node with the `degree` nearest ones on a ring, then rewires each edge with probability `rewire`.

    This is the small world of Watts and Strogatz. Nodes are at random places.
    """

    degree: Annotated[int, takes("an even integer, at least 2", lambda v: v >= 2 and v % 2 == 0)] = 4
    rewire: Share = 0.1

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        if self.degree >= self.n:
            raise ConfigError.of("topology.degree", self.degree, f"an even integer below n={self.n}")
        return shuffled(nx.watts_strogatz_graph(self.n, self.degree, self.rewire, seed=rng), rng)


class RandomGeometric(Topology):
    """Connects nodes at most `radius` apart, drawn uniformly from the unit square."""

    radius: Positive = 0.5

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return nx.random_geometric_graph(self.n, self.radius, seed=rng)


class BarabasiAlbert(Topology):
    """Adds nodes one after another, each with `attach` edges to well-connected ones: preferential attachment.

    The first `attach` + 1 nodes form a star. Node numbers are random, so they do not reveal the order.
    """

    attach: Count = 2

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        if self.attach >= self.n:
            raise ConfigError.of("topology.attach", self.attach, f"an integer, at least 1 and below n={self.n}")
        return shuffled(nx.barabasi_albert_graph(self.n, self.attach, seed=rng), rng)
