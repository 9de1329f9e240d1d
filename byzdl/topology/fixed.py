"""Graphs of one shape; where on it a node stands is drawn."""

from typing import Annotated

import networkx as nx
import numpy as np

from byzdl.config.types import ConfigError, Count, takes
from byzdl.topology.base import Topology, shuffled


class Ring(Topology):
    """Every node has two neighbours; the nodes' places on the ring are drawn."""

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.cycle_graph(self.n), rng)


class Complete(Topology):
    """Everybody is everybody's neighbour."""

    @property
    def fixed(self) -> bool:
        return True

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return nx.complete_graph(self.n)


class Torus(Topology):
    """A grid closed at its borders, as square as n allows; the nodes' places are drawn.

    n must be a product of two numbers of at least 3, so that every node has four neighbours.
    """

    n: Annotated[
        int,
        takes(
            "a product of two integers of at least 3 (9, 12, 15, 16, 18, 20, ...)",
            lambda v: v > 0 and _most_square(v) is not None,
        ),
    ]

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        grid = nx.grid_2d_graph(*(_most_square(self.n) or ()), periodic=True)
        return shuffled(nx.convert_node_labels_to_integers(grid), rng)


class Star(Topology):
    """One node, the hub, is everybody's neighbour, and there are no other edges; who is the hub is drawn."""

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.star_graph(self.n - 1), rng)


class Tree(Topology):
    """A balanced tree: every node has `branching` children, level after level until there are n; places are drawn.

    On the last level that has children one node may have fewer of them.
    """

    branching: Count = 2

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.full_rary_tree(self.branching, self.n), rng)


class Barbell(Topology):
    """Two cliques, of n/2 nodes each (the first has one more if n is odd), joined by `bridges` edges; places are drawn.

    Known as two castles, or two worlds. Bridges are spread evenly: no two share a node as long as there are at most
    n/2 of them, and with k n/2 of them, n even, every node has k.
    """

    bridges: Count = 1

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        first, second = self.n - self.n // 2, self.n // 2
        if self.bridges > first * second:
            takes = (
                f"an integer, at most {first * second}, the pairs between {first} and {second} of topology.n={self.n}"
            )
            raise ConfigError.of("topology.bridges", self.bridges, takes)
        graph = nx.disjoint_union(nx.complete_graph(first), nx.complete_graph(second))
        passes = [divmod(k, first) for k in range(self.bridges)]
        graph.add_edges_from((i, first + (i + shift) % second) for shift, i in passes)
        return shuffled(graph, rng)


class Exponential(Topology):
    """Node i is linked to i +- 2^k mod n for every 2^k < n: about 2 log2(n) neighbours; places are drawn.

    **Source:** Assran et al., *Stochastic gradient push for distributed deep learning* (ICML 2019). Their graph is
    directed, from i to i + 2^k; here every edge carries models both ways.
    """

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(nx.circulant_graph(self.n, [2**k for k in range((self.n - 1).bit_length())]), rng)


def _most_square(n: int) -> tuple[int, int] | None:
    return next(((r, n // r) for r in range(int(n**0.5), 2, -1) if n % r == 0), None)
