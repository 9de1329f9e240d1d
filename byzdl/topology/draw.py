"""A seed's graph and its Byzantine set."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

import networkx as nx

from byzdl.schema import ConfigError
from byzdl.streams import stream
from byzdl.topology.base import Requirement, Topology
from byzdl.topology.network import Network

MAX_DRAWS = 1000


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
    attempts = 1 if topology.fixed else MAX_DRAWS
    for draw in range(attempts):
        graph = topology.draw(stream(seed, "graph", draw))
        if _FULFILS[topology.require](graph, benign):
            neighbours = tuple(tuple(sorted(graph.neighbors(i))) for i in range(n))
            return Network(neighbours, byzantine, draw + 1)
    raise _unfulfilled(topology, br, attempts)


def _unfulfilled(topology: Topology, br: float, attempts: int) -> ConfigError:
    keys = topology.model_dump(exclude={"name", "require"})
    drawn_as = ", ".join(f"topology.{key}={value}" for key, value in keys.items())
    return ConfigError(
        f"topology.require={topology.require}: none of {attempts} graphs drawn as topology={topology.name} with "
        f"{drawn_as}, attack.br={br} fulfils it; takes more edges, a lower attack.br, or topology.require=none"
    )


_FULFILS: dict[Requirement, Callable[[nx.Graph, set[int]], bool]] = {
    "none": lambda graph, benign: True,
    "connected": lambda graph, benign: nx.is_connected(graph),
    "benign_connected": lambda graph, benign: (nx.is_connected(graph) and nx.is_connected(graph.subgraph(benign))),
}
