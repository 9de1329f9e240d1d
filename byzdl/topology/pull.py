"""Graphs in which every node hears a few others, drawn anew in each round."""

from typing import ClassVar

import networkx as nx
import numpy as np

from byzdl.config.types import ConfigError, Count
from byzdl.topology.base import Requirement, Topology


class Pull(Topology):
    """Lets every node hear `pulls` others, drawn at random in each round: a directed graph, of nodes that pull models.

    That i hears j does not mean that j hears i. All nodes hear as many others, so each received model has the mixing
    weight 1 / (1 + `pulls`), as the own one. A node's influence differs: some are heard by many, others by nobody.

    - `pulls`: the number of nodes that each node hears in a round
    - `redraw_every`: as in all graphs, but at least 1

    By default a graph has no condition to meet. Over many rounds, everybody hears everybody.

    **Source:** A. El Mrini, S. Farhadkhani, R. Guerraoui, *Robust and efficient collaborative learning* (2025, arXiv
    2510.08311), RPEL: the nodes that are pulled from, without the rule that aggregates.
    """

    pulls: Count = 4
    require: Requirement = "none"
    redraw_every: Count = 1

    directed: ClassVar[bool] = True

    def draw(self, rng: np.random.Generator) -> nx.DiGraph:
        if self.pulls >= self.n:
            raise ConfigError.of("topology.pulls", self.pulls, f"an integer, at least 1 and below n={self.n}")
        graph = nx.empty_graph(self.n, create_using=nx.DiGraph)
        for i in range(self.n):
            others = rng.permutation(self.n - 1)[: self.pulls]
            graph.add_edges_from((i, int(j + (j >= i))) for j in others)
        return graph
