"""Where on a graph the Byzantine nodes are."""

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
    """B = B_r n, rounded half up (exactly: 0.29 x 50 = 14.5 gives 15, whatever floats say)."""
    return int((Decimal(str(br)) * n).quantize(Decimal(1), ROUND_HALF_UP))


def placed_by(topology: Topology, br: float, seed: int) -> Callable[[nx.Graph], Nodes]:
    """The rule of `topology.placement`: from a drawn graph to its Byzantine nodes, ascending.

    **Raises:** `ConfigError` if the nodes that are given are not as many as B_r says, each once, each of the graph.
    """
    n, count, placement = topology.n, byzantine_count(topology.n, br), topology.placement
    if isinstance(placement, list):
        if len(placement) != count or len(set(placement)) != count or any(i >= n for i in placement):
            takes = f"{count} different node numbers below topology.n={n}, as attack.br={br} has it"
            raise ConfigError.of("topology.placement", placement, takes)
        given = tuple(sorted(placement))
        return lambda graph: given
    if placement == "random":
        drawn = tuple(sorted(int(i) for i in stream(seed, "byzantine").permutation(n)[:count]))
        return lambda graph: drawn
    return lambda graph: highest(CENTRALITIES[placement](graph), count)


def highest(centrality: Mapping[int, float], count: int) -> Nodes:
    """The nodes of the highest centrality, ascending; of equal ones those of the lowest numbers."""
    # Equal up to rounding: sums of the same paths in another order are no difference between nodes.
    order = sorted(centrality, key=lambda i: (-round(centrality[i], 9), i))
    return tuple(sorted(order[:count]))
