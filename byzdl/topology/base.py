"""What a family of graphs is."""

from typing import Annotated, Literal

import networkx as nx
import numpy as np
from pydantic import model_validator

from byzdl.config.types import Component, ConfigError, Natural, ProperShare, takes

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
    - `redraw_every`: a new graph of the family every so many rounds; 0: one for the whole run. Every graph fulfils
      `require`. The Byzantine set stays, by `degree` and `betweenness` that of the first graph. What is checked, warned
      of and recorded before the first round is of the first graph
    - `drop`: the probability that a message is lost, each round and each direction of an edge by itself, whoever sends
      it. Who gets it counts as having no such neighbour in that round, among |N_i| and among f: known, too; its mixing
      weight, by the degrees in the graph, falls to the own model

    Both are a seed's own, as the graph is: the same for every defense and attack. At a higher `drop` those messages are
    lost that are at a lower one, and more.
    """

    n: Annotated[int, takes("an integer, at least 2", lambda v: v >= 2)]
    placement: Placement = "random"
    require: Requirement = "benign_connected"
    redraw_every: Natural = 0
    drop: ProperShare = 0.0

    @model_validator(mode="after")
    def _redraws_differ(self) -> "Topology":
        if self.redraw_every and self.fixed:
            takes = f"0, as every draw of topology={self.name} gives the same graph"
            raise ConfigError.of("redraw_every", self.redraw_every, takes)
        return self

    @property
    def fixed(self) -> bool:
        """Whether every draw gives the same graph, so that none but the first is worth a try."""
        return False

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        """A graph on the nodes 0 .. n-1."""
        raise NotImplementedError


def shuffled(graph: nx.Graph, rng: np.random.Generator) -> nx.Graph:
    """The graph with its nodes placed at random, so that a redraw can differ."""
    return nx.relabel_nodes(graph, dict(enumerate(rng.permutation(len(graph)).tolist())))
