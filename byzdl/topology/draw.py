"""A seed's graphs and its Byzantine set."""

from collections.abc import Callable

import networkx as nx

from byzdl.config.types import ConfigError
from byzdl.random_streams import stream
from byzdl.topology.base import Requirement, Topology
from byzdl.topology.network import Network
from byzdl.topology.placement import Nodes, byzantine_count, placed_by

MAX_DRAWS = 1000


def draw_network(topology: Topology, br: float, seed: int) -> Network:
    """The Byzantine set and the (first) graph of a seed: the same under every defense and attack.

    **Raises:** `ConfigError` if no benign node is left, if `topology.placement` does not name as many nodes as are
    Byzantine, or if no graph in 1000 draws meets `topology.require`.
    """
    n, count = topology.n, byzantine_count(topology.n, br)
    if count >= n:
        raise ConfigError.of("attack.br", br, f"a rate that leaves a benign node among topology.n={n}")
    return _drawn(topology, br, seed, placed_by(topology, br, seed))


def draw_redraws(topology: Topology, br: float, seed: int, rounds: int, first: Network) -> tuple[Network, ...]:
    """The graphs that follow the first one, in so many rounds: each the seed's and its place's alone.

    All are drawn before the first round, so that a run that cannot have one of them is refused before it begins.

    **Raises:** `ConfigError` if for one of them no graph in 1000 draws meets `topology.require`.
    """
    phases = -(-rounds // topology.redraw_every) if topology.redraw_every else 1
    return tuple(_drawn(topology, br, seed, lambda graph: first.byzantine, phase) for phase in range(1, phases))


def _drawn(topology: Topology, br: float, seed: int, place: Callable[[nx.Graph], Nodes], phase: int = 0) -> Network:
    n, attempts = topology.n, 1 if topology.fixed else MAX_DRAWS
    for draw in range(attempts):
        graph = topology.draw(stream(seed, "redraw", phase, draw) if phase else stream(seed, "graph", draw))
        byzantine = place(graph)
        if _FULFILS[topology.require](graph, set(range(n)) - set(byzantine)):
            neighbours = tuple(tuple(sorted(graph.neighbors(i))) for i in range(n))
            return Network(neighbours, byzantine, draw + 1)
    raise _unfulfilled(topology, br, attempts, phase)


def _unfulfilled(topology: Topology, br: float, attempts: int, phase: int) -> ConfigError:
    keys = topology.model_dump(exclude={"name", "require", "redraw_every", "drop"})
    drawn_as = ", ".join(f"topology.{key}={value}" for key, value in keys.items())
    takes = ["more edges", "a lower attack.br", "topology.require=none"]
    if topology.placement != "random":
        takes.insert(0, "another topology.placement")
    when = ""
    if phase:
        takes.insert(0, "topology.redraw_every=0")
        when = f" for round {phase * topology.redraw_every}"
    return ConfigError(
        f"topology.require={topology.require}: none of {attempts} graphs drawn{when} as topology={topology.name} with "
        f"{drawn_as}, attack.br={br} fulfils it; takes {', '.join(takes[:-1])}, or {takes[-1]}"
    )


_FULFILS: dict[Requirement, Callable[[nx.Graph, set[int]], bool]] = {
    "none": lambda graph, benign: True,
    "connected": lambda graph, benign: nx.is_connected(graph),
    "benign_connected": lambda graph, benign: (nx.is_connected(graph) and nx.is_connected(graph.subgraph(benign))),
}
