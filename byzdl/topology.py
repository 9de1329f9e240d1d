"""Graphs: who is a neighbour of whom, and who is Byzantine."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Annotated, Literal

import networkx as nx
import numpy as np

from byzdl.schema import Component, ConfigError, Count, PositiveShare, Share, takes
from byzdl.streams import stream

MAX_DRAWS = 1000

Requirement = Literal["benign_connected", "connected", "none"]


@dataclass(frozen=True)
class Network:
    """A drawn graph G = (V, E) with its Byzantine set.

    - `neighbours[i]`: N_i, ascending
    - `byzantine`: the Byzantine nodes, ascending
    - `draws`: how many graphs were drawn until one met `topology.require`
    """

    neighbours: tuple[tuple[int, ...], ...]
    byzantine: tuple[int, ...]
    draws: int = 1

    @property
    def n(self) -> int:
        return len(self.neighbours)

    @cached_property
    def benign(self) -> tuple[int, ...]:
        byzantine = set(self.byzantine)
        return tuple(i for i in range(self.n) if i not in byzantine)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Every undirected edge once, as (i, j) with i < j."""
        return [(i, j) for i, around in enumerate(self.neighbours) for j in around if i < j]

    def metropolis(self, i: int, j: int) -> float:
        """The Metropolis weight W_ij = 1 / (1 + max(|N_i|, |N_j|)) of an edge."""
        return 1 / (1 + max(len(self.neighbours[i]), len(self.neighbours[j])))


class Topology(Component):
    """A family of graphs on n nodes.

    - `n`: number of nodes
    - `require`: what a drawn graph must fulfil; it is redrawn from the seed until it does.
      `benign_connected`: the graph and its benign subgraph are connected;
      `connected`: the graph is; `none`: anything goes
    """

    n: Annotated[int, takes("an integer, at least 2", lambda v: v >= 2)]
    require: Requirement = "benign_connected"

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        """A graph on the nodes 0 .. n-1."""
        raise NotImplementedError


class ErdosRenyi(Topology):
    """Every pair is connected with probability `cr`: the paper's random graph (n=10, C_r=0.4)."""

    cr: PositiveShare = 0.4

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return nx.gnp_random_graph(self.n, self.cr, seed=rng)


class Ring(Topology):
    """Every node has two neighbours; the nodes' places on the ring are drawn."""

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return _placed(nx.cycle_graph(self.n), rng)


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
        return _placed(nx.convert_node_labels_to_integers(grid), rng)


class KRegular(Topology):
    """A random graph in which every node has `degree` neighbours; n times `degree` must be even."""

    degree: Count = 4

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        if self.degree >= self.n or self.n * self.degree % 2:
            raise ConfigError.of(
                "topology.degree",
                self.degree,
                f"an integer below n={self.n} that makes n times degree even",
            )
        return nx.random_regular_graph(self.degree, self.n, seed=rng)


class SmallWorld(Topology):
    """Watts and Strogatz: a ring with the `degree` nearest neighbours, each edge rewired with probability `rewire`."""

    degree: Annotated[int, takes("an even integer, at least 2", lambda v: v >= 2 and v % 2 == 0)] = 4
    rewire: Share = 0.1

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        if self.degree >= self.n:
            raise ConfigError.of("topology.degree", self.degree, f"an even integer below n={self.n}")
        return _placed(nx.watts_strogatz_graph(self.n, self.degree, self.rewire, seed=rng), rng)


def byzantine_count(n: int, br: float) -> int:
    """B = B_r n, rounded half up (exactly: 0.29 x 50 = 14.5 gives 15, whatever floats say)."""
    return int((Decimal(str(br)) * n).quantize(Decimal(1), ROUND_HALF_UP))


def draw_network(topology: Topology, br: float, seed: int) -> Network:
    """The Byzantine set and the graph of a seed: the same under every defense and attack.

    **Raises:** `ConfigError` if no benign node is left, or if no graph in 1000 draws meets `topology.require`.
    """
    n, count = topology.n, byzantine_count(topology.n, br)
    if count >= n:
        raise ConfigError.of("attack.br", br, f"a rate that leaves a benign node among topology.n={n}")
    byzantine = tuple(sorted(int(i) for i in stream(seed, "byzantine").permutation(n)[:count]))
    benign = set(range(n)) - set(byzantine)
    for draw in range(MAX_DRAWS):
        graph = topology.draw(stream(seed, "graph", draw))
        if _FULFILS[topology.require](graph, benign):
            neighbours = tuple(tuple(sorted(graph.neighbors(i))) for i in range(n))
            return Network(neighbours, byzantine, draw + 1)
    keys = topology.model_dump(exclude={"name", "require"})
    drawn_as = ", ".join(f"topology.{key}={value}" for key, value in keys.items())
    raise ConfigError(
        f"topology.require={topology.require}: none of {MAX_DRAWS} graphs drawn as topology={topology.name} with "
        f"{drawn_as}, attack.br={br} fulfils it; takes more edges, a lower attack.br, or topology.require=none"
    )


_FULFILS: dict[Requirement, Callable[[nx.Graph, set[int]], bool]] = {
    "none": lambda graph, benign: True,
    "connected": lambda graph, benign: nx.is_connected(graph),
    "benign_connected": lambda graph, benign: (nx.is_connected(graph) and nx.is_connected(graph.subgraph(benign))),
}


def _placed(graph: nx.Graph, rng: np.random.Generator) -> nx.Graph:
    """The graph with its nodes placed at random, so that a redraw can differ."""
    return nx.relabel_nodes(graph, dict(enumerate(rng.permutation(len(graph)).tolist())))


def _most_square(n: int) -> tuple[int, int] | None:
    return next(((r, n // r) for r in range(int(n**0.5), 2, -1) if n % r == 0), None)
