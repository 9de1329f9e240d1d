"""What a family of graphs is."""

from typing import Annotated, Literal

import networkx as nx
import numpy as np

from byzdl.schema import Component, takes

Placement = Annotated[
    str | list[int],
    takes(
        "random, degree, betweenness, or a list of node numbers such as [0,3]",
        lambda v: v in ("random", "degree", "betweenness") if isinstance(v, str) else all(i >= 0 for i in v),
    ),
]
Requirement = Literal["benign_connected", "connected", "none"]


class Topology(Component):
    """A family of graphs on n nodes.

    - `n`: number of nodes
    - `placement`: who is Byzantine. `random`: drawn, the same on every graph; `degree` or `betweenness`: those of
      the highest centrality in the drawn graph, of equal ones those of the lowest numbers; or the nodes themselves
    - `require`: what a drawn graph must fulfil; it is redrawn from the seed until it does.
      `benign_connected`: the graph and its benign subgraph are connected;
      `connected`: the graph is; `none`: anything goes
    """

    n: Annotated[int, takes("an integer, at least 2", lambda v: v >= 2)]
    placement: Placement = "random"
    require: Requirement = "benign_connected"

    @property
    def fixed(self) -> bool:
        """Whether every draw gives the same graph, so that none but the first is worth a try."""
        return False

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        """A graph on the nodes 0 .. n-1."""
        raise NotImplementedError


def placed(graph: nx.Graph, rng: np.random.Generator) -> nx.Graph:
    """The graph with its nodes placed at random, so that a redraw can differ."""
    return nx.relabel_nodes(graph, dict(enumerate(rng.permutation(len(graph)).tolist())))
