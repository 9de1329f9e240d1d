"""A graph from the user's own file."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import networkx as nx
import numpy as np

from byzdl.config.types import ConfigError
from byzdl.files import checksum
from byzdl.topology.base import Topology, shuffled
from byzdl.topology.drawing import Drawing, GraphFileError
from byzdl.topology.lists import of_neighbours, of_text
from byzdl.topology.markup import of_gexf, of_gml, of_graphml, of_json
from byzdl.topology.matrices import of_matrix_market, of_numpy

TEXTS = (".csv", ".tsv", ".txt", ".edgelist", ".edges")
OTHERS: dict[str, Callable[[bytes], Drawing]] = {
    ".adjlist": of_neighbours,
    ".npy": of_numpy,
    ".npz": of_numpy,
    ".mtx": of_matrix_market,
    ".graphml": of_graphml,
    ".gexf": of_gexf,
    ".gml": of_gml,
    ".json": of_json,
}


class File(Topology):
    """Reads an undirected graph from a file: a list of edges, an adjacency matrix, or a format of other programs.

    The ending of `path` says how it is read:

    - `.csv`, `.tsv`, `.txt`, `.edgelist`, `.edges`: a list of edges, or a matrix. A line of a list begins with two nodes,
      between commas, semicolons, tabs or blanks; the rest of the line is ignored. A line with a single node is a node,
      which needs no edge. A first line of titles, such as `source,target`, says which columns the nodes are in. `#` or
      `%` begins a comment. A square of 0 and 1 is a matrix, with or without the names of its rows and columns
    - `.adjlist`: a node in each line, then its neighbours
    - `.npy`, `.npz`, `.mtx`: a matrix of 0 and 1, of numpy, of scipy (sparse), or in the Matrix Market format
    - `.graphml`, `.gexf`, `.gml`, `.json` (nodes and links): as networkx, Gephi, yEd, igraph or D3 write them

    Nodes with integer names are numbered in the order of the integers, so 0 .. n-1 keep their numbers. Other nodes are
    numbered in the order of the file.

    Edges have no direction, so a list may have each once or twice. A directed graph and a matrix that is not symmetric
    are refused. An edge from a node to itself is ignored, and an edge that occurs many times counts once. Weights are
    ignored in lists, where a weight of 0 is refused. In matrices all weights are refused, as they might be distances.

    - `path`: the file
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
        file = self._file()
        try:
            found, data = checksum(file), file.read_bytes()
        except OSError as error:
            raise self._refused(f"a readable file ({error.strerror})") from error
        if found != self.checksum:
            takes = f"{found!r}, the checksum of {self.path} as it is now"
            raise ConfigError.of("topology.checksum", self.checksum, takes)
        try:
            drawing = of_file(file.suffix.lower(), data)
        except GraphFileError as error:
            raise self._refused(str(error)) from error
        if len(drawing.names) != self.n:
            takes = f"{len(drawing.names)}, the number of nodes in {self.path} ({drawing.summary()})"
            raise ConfigError.of("topology.n", self.n, takes)
        graph = drawing.numbered()
        if not graph.edges:
            raise self._refused(f"a graph with an edge between two nodes; it has {drawing.summary()}")
        return graph

    def _file(self) -> Path:
        try:
            file = Path(self.path or "").expanduser()
            if file.is_file():
                return file
        except (OSError, RuntimeError, ValueError):  # no such user, a null byte, a name too long
            pass
        raise self._refused("the path of an existing file")

    def _refused(self, takes: str) -> ConfigError:
        return ConfigError.of("topology.path", self.path, takes)


def of_file(ending: str, data: bytes) -> Drawing:
    r"""Reads a graph from the content of a file with some ending.

    **Raises:** `GraphFileError` for an unknown ending, and for a content that is no undirected graph.

    >>> of_file(".edges", b"ann bob\nbob cyd\n").names
    ['ann', 'bob', 'cyd']
    """
    if ending in TEXTS:
        return of_text(data, ending)
    if ending not in OTHERS:
        raise GraphFileError(f"a file that ends in {', '.join([*TEXTS, *OTHERS][:-1])} or {[*OTHERS][-1]}")
    return OTHERS[ending](data)
