"""The interface of a topology, a family of graphs."""

from typing import Annotated, ClassVar, Literal

import networkx as nx
import numpy as np
from pydantic import WrapValidator, model_validator

from byzdl.config.types import Component, ConfigError, Natural, ProperShare, takes

Placement = Annotated[
    str | list[int],
    takes(
        "random, degree, betweenness, or a list of node numbers such as [0,3]",
        lambda v: v in ("random", "degree", "betweenness") if isinstance(v, str) else all(i >= 0 for i in v),
    ),
]
# Lets a null through a type of numbers.
OR_NULL = WrapValidator(lambda value, parse: None if value is None else parse(value))

Requirement = Literal["benign_connected", "connected", "none"]


class Topology(Component):
    """Draws graphs on n nodes: the base class of all topologies.

    >>> import networkx as nx
    >>> from byzdl.topology import Topology, draw_network
    >>> class Path(Topology):
    ...     def draw(self, rng):
    ...         return nx.path_graph(self.n)
    >>> draw_network(Path(n=4), br=0.0, seed=0).neighbours
    ((1,), (0, 2), (1, 3), (2,))

    - `n`: number of nodes; null: as many as users, with `partition=natural`. Graphs are drawn with a number
    - `placement`: how the Byzantine nodes are chosen. `random`: drawn, the same on every graph. `degree` or
      `betweenness`: the nodes of highest centrality in the drawn graph, the lowest numbers first among equals. Or a
      list of node numbers. In a directed graph, the degree counts the nodes that hear a node, and those that it hears
    - `require`: a condition on every drawn graph, which is redrawn from the seed until it holds. `benign_connected`:
      the graph and its benign subgraph are connected. `connected`: the graph is connected. `none`: no condition. In a
      connected directed graph, a path of messages leads from each node to each other
    - `redraw_every`: rounds after which a new graph of the family replaces the last one; 0: one graph for the whole
      run. Every graph meets `require`. The Byzantine set stays; by `degree` and `betweenness` it is that of the first
      graph. Checks, warnings and records before the first round are about the first graph
    - `drop`: probability that a message is lost, independent for each round and each direction of an edge, whoever
      sends it. The receiver has no such neighbour in that round, neither in |N_i| nor in `f: known`. Mixing weights
      follow the degrees in the graph, and the weight of a lost message goes to the own model

    Redraws and losses depend on the seed, as the graph does: they are the same for every defense and attack. A higher
    `drop` loses the messages that a lower one loses, and more.

    Class attributes are promises. The contract suite checks them (`byzdl.testing.check_topology`):

    - `directed`: graphs are directed, and i hears j along an arc from i to j
    """

    # None as long as nobody knows: before the data tell how many users there are.
    n: Annotated[int, takes("an integer, at least 2, or null for a node for each user", lambda v: v >= 2), OR_NULL]
    placement: Placement = "random"
    require: Requirement = "benign_connected"
    redraw_every: Natural = 0
    drop: ProperShare = 0.0

    directed: ClassVar[bool] = False

    @model_validator(mode="after")
    def _redraws_differ(self) -> "Topology":
        if self.redraw_every and self.fixed:
            takes = f"0, as every draw of topology={self.name} gives the same graph"
            raise ConfigError.of("redraw_every", self.redraw_every, takes)
        return self

    @property
    def fixed(self) -> bool:
        """Whether every draw gives the same graph, so that a second draw is pointless."""
        return False

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        """Draws a graph on the nodes 0 .. n-1."""
        raise NotImplementedError


def shuffled(graph: nx.Graph, rng: np.random.Generator) -> nx.Graph:
    """Renumbers the nodes of a graph at random, so that a redraw can differ.

    >>> path = nx.path_graph(4)
    >>> nx.is_isomorphic(shuffled(path, np.random.default_rng(0)), path)
    True
    """
    return nx.relabel_nodes(graph, dict(enumerate(rng.permutation(len(graph)).tolist())))
