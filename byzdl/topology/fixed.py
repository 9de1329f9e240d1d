"""Graphs of a fixed shape, with nodes at random places on it."""

from typing import Annotated

import networkx as nx
import numpy as np

from byzdl.config.types import ConfigError, Count, takes
from byzdl.topology.base import OR_NULL, Topology, shuffled


class Ring(Topology):
    """Connects the nodes in a ring, at random places: two neighbours each."""

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.cycle_graph(self.n), rng)


class Complete(Topology):
    """Connects every node with every other."""

    @property
    def fixed(self) -> bool:
        return True

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return nx.complete_graph(self.n)


class Torus(Topology):
    """Connects the nodes in a grid closed at its borders, as square as n allows, at random places.

    n must be a product of two numbers of at least 3, so that every node has four neighbours.
    """

    n: Annotated[
        int,
        takes(
            "a product of two integers of at least 3 (9, 12, 15, 16, 18, 20, ...)",
            lambda v: v > 0 and _most_square(v) is not None,
        ),
        OR_NULL,
    ]

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        grid = nx.grid_2d_graph(*(_most_square(self.n) or ()), periodic=True)
        return shuffled(nx.convert_node_labels_to_integers(grid), rng)


class Star(Topology):
    """Connects a randomly drawn node, the hub, with every other; there are no other edges."""

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.star_graph(self.n - 1), rng)


class Tree(Topology):
    """Connects the nodes in a balanced tree with `branching` children each, at random places.

    Levels are filled one after another, up to n nodes. One parent on the last level with children may have fewer.
    """

    branching: Count = 2

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.full_rary_tree(self.branching, self.n), rng)


class Barbell(Topology):
    """Connects two cliques of n/2 nodes by `bridges` edges, with nodes at random places.

    The first clique has one more node if n is odd. The graph is also known as two castles, or two worlds.

    Bridges are spread evenly. No two of them share a node, up to n/2 bridges. With k n/2 bridges, n even, every node
    has k.
    """

    bridges: Count = 1

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        first, second = self.n - self.n // 2, self.n // 2
        if self.bridges > first * second:
            pairs = f"the number of pairs between cliques of {first} and {second} nodes"
            takes = f"an integer, at most {first * second}, {pairs} (topology.n={self.n})"
            raise ConfigError.of("topology.bridges", self.bridges, takes)
        graph = nx.disjoint_union(nx.complete_graph(first), nx.complete_graph(second))
        passes = [divmod(k, first) for k in range(self.bridges)]
        graph.add_edges_from((i, first + (i + shift) % second) for shift, i in passes)
        return shuffled(graph, rng)


class Exponential(Topology):
    """Connects node i with i +- 2^k mod n for every 2^k < n, at random places: about 2 log2(n) neighbours each.

    **Source:** Assran et al., *Stochastic gradient push for distributed deep learning* (ICML 2019). Their graph is
    directed, from i to i + 2^k. Here every edge carries models both ways.
    """

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.circulant_graph(self.n, [2**k for k in range((self.n - 1).bit_length())]), rng)


def _most_square(n: int) -> tuple[int, int] | None:
    return next(((r, n // r) for r in range(int(n**0.5), 2, -1) if n % r == 0), None)
