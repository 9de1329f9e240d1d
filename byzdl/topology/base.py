"""What a family of graphs is."""

from typing import Annotated, Literal

import networkx as nx
import numpy as np

from byzdl.schema import Component, takes

Requirement = Literal["benign_connected", "connected", "none"]


class Topology(Component):
    """A family of graphs on n nodes.

    - `n`: number of nodes
    - `require`: what a drawn graph must fulfil; it is redrawn from the seed until it does.
      `benign_connected`: the graph and its benign subgraph are connected;
      `connected`: the graph is; `none`: anything goes
    """

    n: Annotated[int, takes("an integer, at least 2", lambda v: v >= 2)]
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
