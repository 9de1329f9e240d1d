"""Draws the graphs and the Byzantine set of a seed."""

from collections.abc import Callable

import networkx as nx

from byzdl.config.types import ConfigError, RuleError
from byzdl.random_streams import stream
from byzdl.topology.base import Requirement, Topology
from byzdl.topology.network import Network
from byzdl.topology.placement import Nodes, byzantine_count, placed_by

MAX_DRAWS = 1000


def draw_network(topology: Topology, br: float, seed: int) -> Network:
    """Draws the Byzantine set and the (first) graph of a seed: the same under every defense and attack.

    - `br`: B_r, the share of Byzantine nodes

    **Raises:** `ConfigError` if no benign node is left, if `topology.placement` lists another number of nodes than are
    Byzantine, or if no graph in 1000 draws meets `topology.require`; `RuleError` for a topology of one's own that draws
    anything but a simple graph on 0 .. n-1, directed if it says so.

    >>> from byzdl.topology import Complete
    >>> network = draw_network(Complete(n=4, placement=[2]), br=0.25, seed=0)
    >>> network.neighbours, network.byzantine
    (((1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)), (2,))
    """
    n, count = topology.n, byzantine_count(topology.n, br)
    if count >= n:
        raise ConfigError.of("attack.br", br, f"a rate that leaves a benign node among topology.n={n}")
    return _drawn(topology, br, seed, placed_by(topology, br, seed))


def draw_redraws(topology: Topology, br: float, seed: int, rounds: int, first: Network) -> tuple[Network, ...]:
    """Draws the graphs that replace the first one during a run. Each depends only on the seed and its position.

    All are drawn before the first round, so a run without a suitable graph is refused before it begins.

    - `br`: B_r, the share of Byzantine nodes
    - `rounds`: rounds of the run
    - `first`: the first graph, with the Byzantine set of all graphs

    **Raises:** `ConfigError` if for one of the graphs no draw in 1000 meets `topology.require`.

    >>> from byzdl.topology import Ring
    >>> ring = Ring(n=5, redraw_every=2)
    >>> first = draw_network(ring, br=0.2, seed=0)
    >>> [network.byzantine == first.byzantine for network in draw_redraws(ring, 0.2, 0, rounds=6, first=first)]
    [True, True]
    """
    phases = -(-rounds // topology.redraw_every) if topology.redraw_every else 1
    return tuple(_drawn(topology, br, seed, lambda graph: first.byzantine, phase) for phase in range(1, phases))


def _drawn(topology: Topology, br: float, seed: int, place: Callable[[nx.Graph], Nodes], phase: int = 0) -> Network:
    n, attempts = topology.n, 1 if topology.fixed else MAX_DRAWS
    for draw in range(attempts):
        graph = topology.draw(stream(seed, "redraw", phase, draw) if phase else stream(seed, "graph", draw))
        _check(topology, graph)
        byzantine = place(graph)
        if _MEETS[topology.require](graph, set(range(n)) - set(byzantine)):
            neighbours = tuple(tuple(sorted(graph.neighbors(i))) for i in range(n))
            return Network(neighbours, byzantine, draw + 1, topology.directed)
    raise _unfulfilled(topology, br, attempts, phase)


def _check(topology: Topology, graph: nx.Graph) -> None:
    """Refuses what a topology of one's own must not draw: a loop would make a node its own neighbour."""
    with RuleError.of_method(topology, "draw"):
        if not isinstance(graph, nx.Graph) or graph.is_directed() != topology.directed or graph.is_multigraph():
            kind = "a networkx.DiGraph" if topology.directed else "an undirected networkx.Graph"
            raise RuleError(f"returned a {type(graph).__name__}, but must return {kind}")
        if set(graph) != set(range(topology.n)):
            shown = ", ".join(sorted(map(str, graph))[:3])
            raise RuleError(f"drew {len(graph)} nodes ({shown}, ...), but must draw the nodes 0 to {topology.n - 1}")
        if loops := list(nx.nodes_with_selfloops(graph)):
            raise RuleError(f"linked node {loops[0]} to itself, but must link it to others")


def _unfulfilled(topology: Topology, br: float, attempts: int, phase: int) -> ConfigError:
    keys = topology.model_dump(exclude={"name", "require", "redraw_every", "drop"})
    settings = ", ".join(f"topology.{key}={value}" for key, value in keys.items())
    remedies = ["more edges", "a lower attack.br", "topology.require=none"]
    if topology.placement != "random":
        remedies.insert(0, "another topology.placement")
    when = ""
    if phase:
        remedies.insert(0, "topology.redraw_every=0")
        when = f" for round {phase * topology.redraw_every}"
    return ConfigError(
        f"topology.require is {topology.require!r}, but none of {attempts} graphs drawn{when} meets it, with "
        f"topology={topology.name}, {settings}, attack.br={br}; try {', '.join(remedies[:-1])}, or {remedies[-1]}"
    )


def _connected(graph: nx.Graph) -> bool:
    return bool(nx.is_strongly_connected(graph) if graph.is_directed() else nx.is_connected(graph))


_MEETS: dict[Requirement, Callable[[nx.Graph, set[int]], bool]] = {
    "none": lambda graph, benign: True,
    "connected": lambda graph, benign: _connected(graph),
    "benign_connected": lambda graph, benign: _connected(graph) and _connected(graph.subgraph(benign)),
}
