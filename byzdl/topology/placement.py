"""Places the Byzantine nodes on a graph."""

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal

import networkx as nx

from byzdl.config.types import ConfigError
from byzdl.random_streams import stream
from byzdl.topology.base import Topology

Nodes = tuple[int, ...]

CENTRALITIES: dict[str, Callable[[nx.Graph], Mapping[int, float]]] = {
    "degree": lambda graph: dict(graph.degree()),
    "betweenness": nx.betweenness_centrality,
}


def byzantine_count(n: int, br: float) -> int:
    """Computes B = B_r n, rounded half up.

    The arithmetic is exact: 0.29 x 50 = 14.5 gives 15, though it is below 14.5 in floats.

    >>> byzantine_count(10, 0.3), byzantine_count(50, 0.29)
    (3, 15)
    """
    return int((Decimal(str(br)) * n).quantize(Decimal(1), ROUND_HALF_UP))


def placed_by(topology: Topology, br: float, seed: int) -> Callable[[nx.Graph], Nodes]:
    """Returns the rule of `topology.placement`: a function from a drawn graph to its Byzantine nodes, ascending.

    **Raises:** `ConfigError` unless a list in `topology.placement` holds B different nodes of the graph.

    >>> from byzdl.topology import Star
    >>> place = placed_by(Star(n=4, placement="degree"), br=0.25, seed=0)
    >>> place(nx.star_graph(3))
    (0,)
    """
    n, count, placement = topology.n, byzantine_count(topology.n, br), topology.placement
    if isinstance(placement, list):
        if len(placement) != count or len(set(placement)) != count or any(i >= n for i in placement):
            takes = f"{count} different node numbers below topology.n={n}, the Byzantine nodes of attack.br={br}"
            raise ConfigError.of("topology.placement", placement, takes)
        given = tuple(sorted(placement))
        return lambda graph: given
    if placement == "random":
        drawn = tuple(sorted(int(i) for i in stream(seed, "byzantine").permutation(n)[:count]))
        return lambda graph: drawn
    return lambda graph: highest(CENTRALITIES[placement](graph), count)


def highest(centrality: Mapping[int, float], count: int) -> Nodes:
    """Selects the `count` nodes of highest centrality, ascending. Among equals the lowest numbers win.

    >>> highest({0: 1.0, 1: 2.0, 2: 3.0, 3: 2.0}, count=2)
    (1, 2)
    """
    # Nodes are equal up to rounding: sums over the same paths in another order differ in their last digits.
    order = sorted(centrality, key=lambda i: (-round(centrality[i], 9), i))
    return tuple(sorted(order[:count]))
