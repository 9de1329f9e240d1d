"""A graph from the user's own file."""

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
    """Reads an undirected graph from a file; loops and repeated edges are ignored.

    - `path`: an edge list (`.edgelist`, `.edges`, `.txt`), or GraphML (`.graphml`). A line of an edge list begins with
      two nodes; the rest of it is ignored. `#` begins a comment. Nodes with integer names are numbered in the order of
      the integers, so 0 .. n-1 keep their numbers. Other nodes are numbered in the order of the file
    - `checksum`: checksum of the file, computed in its YAML. It represents the file in a run's identity; the path,
      which differs between machines, is no part of it
    - `shuffle`: renumber the nodes at random in each draw, as other topologies do; false: nodes keep their numbers
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
            raise self._refused("the path of an existing file")
        if checksum(file) != self.checksum:
            takes = f"{checksum(file)!r}, the checksum of {self.path} as it is now"
            raise ConfigError.of("topology.checksum", self.checksum, takes)
        try:
            graph = _read(file)
        except (OSError, ValueError, KeyError, TypeError, ParseError, nx.NetworkXException) as error:
            raise self._refused(f"a readable graph ({' '.join(str(error).split())})") from error
        if graph is None:
            raise self._refused(f"a file that ends in {', '.join(EDGE_LISTS)}, or .graphml")
        if graph.is_directed():
            raise self._refused("an undirected graph")
        if not graph.edges:
            raise self._refused("a graph with at least one edge")
        if len(graph) != self.n:
            raise ConfigError.of("topology.n", self.n, f"{len(graph)}, the number of nodes in {self.path}")
        return _numbered(graph)

    def _refused(self, takes: str) -> ConfigError:
        return ConfigError.of("topology.path", self.path, takes)


def _read(file: Path) -> nx.Graph | None:
    """Reads a graph by the ending of its file, with nodes as text; None for an unknown ending."""
    match file.suffix.lower():
        case ".graphml":
            return nx.read_graphml(file)
        case ending if ending in EDGE_LISTS:
            return nx.read_edgelist(file, data=False)
    return None


def _numbered(graph: nx.Graph) -> nx.Graph:
    """Makes a simple graph on 0 .. n-1."""
    names = list(graph)
    try:
        names.sort(key=int)
    except ValueError:
        names = list(graph)
    number = {name: i for i, name in enumerate(names)}
    simple = nx.empty_graph(len(names))
    simple.add_edges_from((number[a], number[b]) for a, b in graph.edges() if a != b)
    return simple
