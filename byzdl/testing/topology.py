"""What every family of graphs keeps to."""

import networkx as nx
import numpy as np

from byzdl.config.types import ConfigError
from byzdl.testing.compare import leaves_global_random_state
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record
from byzdl.topology import Topology, draw_network

SEEDS = range(5)


def drawn(topology: Topology, seed: int) -> nx.Graph:
    """A graph, drawn from the stream of a seed."""
    with calling("draw"):
        graph = topology.draw(np.random.default_rng(seed))
    if not isinstance(graph, nx.Graph):
        raise BrokenError("draw", f"returns a {type(graph).__name__}, but must return a networkx.Graph")
    return graph


def edges(graph: nx.Graph) -> set[tuple[int, int] | frozenset[int]]:
    """All edges, with a direction if they have one."""
    return {tuple(edge) if graph.is_directed() else frozenset(edge) for edge in graph.edges()}


def has_nodes_from_0_on(topology: Topology) -> None:
    """Draws a graph on the nodes 0 .. n-1."""
    for seed in SEEDS:
        nodes = set(drawn(topology, seed).nodes)
        if nodes != set(range(topology.n)):
            shown = f"{len(nodes)} nodes, such as {sorted(map(str, nodes))[:3]}"
            raise BrokenError("draw", f"draws a graph on {shown}, but must draw one on 0 .. {topology.n - 1}")


def draws_simple_graphs(topology: Topology) -> None:
    """Draws simple graphs: no edge twice, none from a node to itself, and directed ones only if it says so."""
    kinds = {False: "undirected", True: "directed"}
    for seed in SEEDS:
        graph = drawn(topology, seed)
        if graph.is_directed() != topology.directed or graph.is_multigraph():
            kind = "a multigraph" if graph.is_multigraph() else f"a {kinds[graph.is_directed()]} graph"
            must = f"a simple {kinds[topology.directed]} one"
            raise BrokenError("draw", f"draws {kind}, but must draw {must}")
        if loops := list(nx.selfloop_edges(graph)):
            raise BrokenError("draw", f"links node {loops[0][0]} to itself")


def repeats_itself(topology: Topology) -> None:
    """Draws the same graph from the same random numbers."""
    for seed in SEEDS:
        if edges(drawn(topology, seed)) != edges(drawn(topology, seed)):
            raise BrokenError("draw", "draws another graph from the same random numbers")


def draws_from_the_stream_that_it_gets(topology: Topology) -> None:
    """Leaves the global random state of torch, numpy and Python alone."""
    with leaves_global_random_state("draw"):
        drawn(topology, 0)


def is_fixed_where_it_says_so(topology: Topology) -> None:
    """Where it says that it is fixed, draws the same graph from all random numbers."""
    with calling("fixed"):
        fixed = topology.fixed
    if fixed and any(edges(drawn(topology, seed)) != edges(drawn(topology, 0)) for seed in SEEDS):
        raise BrokenError("fixed", "is true, but draws differ")


def meets_its_requirement(topology: Topology) -> None:
    """Becomes a network, with no Byzantine node and with some, that is the same for the same seed."""
    for br in (0.0, 0.2) if isinstance(topology.placement, str) else ():
        for seed in SEEDS:
            try:
                first, second = (draw_network(topology, br, seed) for _ in range(2))
            except ConfigError as error:
                raise BrokenError("draw", f"no network of Byzantine rate {br}: {error}") from error
            if first != second:
                raise BrokenError("draw", "becomes another network for the same seed")


CONTRACTS: tuple[Contract[Topology], ...] = contracts(
    is_a_frozen_record,
    has_nodes_from_0_on,
    draws_simple_graphs,
    repeats_itself,
    draws_from_the_stream_that_it_gets,
    is_fixed_where_it_says_so,
    meets_its_requirement,
)


def check_topology(topology: Topology) -> None:
    """Checks a family of graphs against every contract of topologies.

    - `topology`: an instance

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> class Hub(Topology):
    ...     def draw(self, rng):
    ...         return nx.star_graph(self.n - 1)
    >>> check_topology(Hub(n=6, require="connected"))
    >>> class OneTooMany(Hub):
    ...     def draw(self, rng):
    ...         return nx.star_graph(self.n)
    >>> check_topology(OneTooMany(n=6, require="none"))
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: OneTooMany.draw: draws a graph on 7 nodes, such as ['0', '1', '2'], ...
    """
    check_all(Topology, CONTRACTS, topology)
