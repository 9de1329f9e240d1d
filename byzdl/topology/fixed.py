"""Graphs of one shape; where on it a node stands is drawn."""

from typing import Annotated

import networkx as nx
import numpy as np

from byzdl.schema import takes
from byzdl.topology.base import Topology, placed


class Ring(Topology):
    """Every node has two neighbours; the nodes' places on the ring are drawn."""

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return placed(nx.cycle_graph(self.n), rng)


class Complete(Topology):
    """Everybody is everybody's neighbour."""

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
            lambda v: _most_square(v) is not None,
        ),
    ]

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        grid = nx.grid_2d_graph(*(_most_square(self.n) or ()), periodic=True)
        return placed(nx.convert_node_labels_to_integers(grid), rng)


def _most_square(n: int) -> tuple[int, int] | None:
    return next(((r, n // r) for r in range(int(n**0.5), 2, -1) if n % r == 0), None)
