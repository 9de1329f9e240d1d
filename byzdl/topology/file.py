"""A graph of one's own, from a file."""

from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np

from byzdl.config.types import ConfigError
from byzdl.files import checksum
from byzdl.topology.base import Topology, shuffled

EDGE_LISTS = (".edgelist", ".edges", ".txt")


class File(Topology):
    """The undirected graph in a file; loops and repeated edges count for nothing.

    - `path`: an edge list (`.edgelist`, `.edges`, `.txt`: two nodes a line, what follows them is ignored, `#` begins
      a comment), or GraphML (`.graphml`). Nodes named by integers are numbered in the integers' order: 0 .. n-1 are
      what they are. Others are numbered as they come in the file.
    - `checksum`: of the file; its YAML computes it. It stands for the file in a run's identity, where the path,
      which is the machine's, has no place
    - `shuffle`: place the nodes anew in each draw, as other graphs do; without it they keep their numbers
    """

    path: str | None = None
    checksum: str | None = None
    shuffle: bool = False

    @property
    def fixed(self) -> bool:
        return not self.shuffle

    def draw(self, rng: np.random.Generator) -> nx.Graph:
        return shuffled(self._graph, rng) if self.shuffle else self._graph

    @cached_property
    def _graph(self) -> nx.Graph:
        file = Path(self.path or "").expanduser()
        if not file.is_file():
            raise self._refused("the file of a graph")
        if checksum(file) != self.checksum:
            takes = f"{checksum(file)}, that of {self.path} as it is now"
            raise ConfigError.of("topology.checksum", self.checksum, takes)
        try:
            graph = _read(file)
        except (OSError, ValueError, KeyError, TypeError, ParseError, nx.NetworkXException) as error:
            raise self._refused(f"a graph that can be read ({' '.join(str(error).split())})") from error
        if graph is None:
            raise self._refused(f"a file that ends in {', '.join(EDGE_LISTS)} or .graphml")
        if graph.is_directed() or not graph.edges:
            raise self._refused(f"a graph {'without directions' if graph.is_directed() else 'with edges'}")
        if len(graph) != self.n:
            raise ConfigError.of("topology.n", self.n, f"{len(graph)}, the nodes of topology.path={self.path}")
        return _numbered(graph)

    def _refused(self, takes: str) -> ConfigError:
        return ConfigError.of("topology.path", self.path, takes)


def _read(file: Path) -> nx.Graph | None:
    """The graph by the file's ending, nodes as text; None for another ending."""
    match file.suffix.lower():
        case ".graphml":
            return nx.read_graphml(file)
        case ending if ending in EDGE_LISTS:
            return nx.read_edgelist(file, data=False)
    return None


def _numbered(graph: nx.Graph) -> nx.Graph:
    """A simple graph on 0 .. n-1."""
    names = list(graph)
    try:
        names.sort(key=int)
    except ValueError:
        names = list(graph)
    number = {name: i for i, name in enumerate(names)}
    simple = nx.empty_graph(len(names))
    simple.add_edges_from((number[a], number[b]) for a, b in graph.edges() if a != b)
    return simple
