"""A graph as its file has it, before its nodes are numbered."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import networkx as nx

Name = str | int


class GraphFileError(ValueError):
    """A file that holds no such graph. The message says what it must be and what was found, to follow "must be"."""

    @classmethod
    @contextmanager
    def of_library(cls, kind: str) -> Iterator[None]:
        """Turns any error of a library that reads a file of some kind into this one."""
        try:
            yield
        except cls:
            raise
        except Exception as error:  # libraries raise all kinds for a wrong file
            said = " ".join(str(error).split())[:200] or type(error).__name__
            raise cls(f"{kind} ({said})") from error


class Drawing(NamedTuple):
    """Holds the nodes and edges of a file.

    - `names`: of all nodes, in the order of the file
    - `edges`: pairs of names; an edge may occur many times, in both directions, and from a node to itself

    >>> Drawing(["b", "a", "c"], [("b", "a"), ("a", "b"), ("c", "c")]).numbered().edges
    EdgeView([(0, 1)])
    """

    names: Sequence[Name]
    edges: Sequence[tuple[Name, Name]]

    def numbered(self) -> nx.Graph:
        """Makes a simple graph on 0 .. n-1: in the order of the names if all are integers, else in that of the file."""
        names = list(self.names)
        try:
            names.sort(key=int)
        except ValueError:
            names = list(self.names)
        number = {name: i for i, name in enumerate(names)}
        simple = nx.empty_graph(len(names))
        simple.add_edges_from((number[a], number[b]) for a, b in self.edges if a != b)
        return simple

    def summary(self) -> str:
        """Names the first nodes, and counts the edges, to show how a file was read."""
        shown = ", ".join(map(str, self.names[:4])) + (", ..." if len(self.names) > 4 else "")
        return f"nodes {shown}; {len(self.edges)} edge{'s' if len(self.edges) != 1 else ''}"
