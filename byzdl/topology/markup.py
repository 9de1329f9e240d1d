"""Reads graphs in the formats of other programs, by networkx: GraphML, GEXF, GML, and JSON of nodes and links."""

import io
import json
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

import networkx as nx

from byzdl.topology.drawing import Drawing, GraphFileError


def of_graphml(data: bytes) -> Drawing:
    """Reads GraphML.

    >>> of_graphml(b"<graphml/>")
    Traceback (most recent call last):
    byzdl.topology.drawing.GraphFileError: a readable GraphML file (file not successfully read as graphml)
    """
    return _of_xml(data, "GraphML", nx.read_graphml)


def of_gexf(data: bytes) -> Drawing:
    """Reads GEXF, the format of Gephi.

    >>> of_gexf(b"<gexf")
    Traceback (most recent call last):
    byzdl.topology.drawing.GraphFileError: a readable GEXF file (unclosed token: line 1, column 0)
    """
    return _of_xml(data, "GEXF", nx.read_gexf)


def of_gml(data: bytes) -> Drawing:
    """Reads GML; nodes are called by their ids.

    >>> of_gml(b"graph [ node [ id 7 ] node [ id 2 ] edge [ source 7 target 2 ] ]").edges
    [('7', '2')]
    """
    with GraphFileError.of_library("a readable GML file"):
        return _of_networkx(nx.parse_gml(data.decode("utf-8-sig"), label="id"))


def of_json(data: bytes) -> Drawing:
    """Reads nodes and links as `networkx.node_link_data` and D3 write them: `nodes` with `id`, `links` or `edges`.

    >>> of_json(b'{"nodes": [{"id": 0}, {"id": 1}], "links": [{"source": 0, "target": 1}]}').edges
    [('0', '1')]
    """
    kind = "JSON of nodes with an id, and of links or edges with source and target"
    with GraphFileError.of_library(kind):
        found = json.loads(data.decode("utf-8-sig"))
        if not isinstance(found, dict) or not isinstance(links := found.get("links", found.get("edges")), list):
            raise GraphFileError(kind)
        graph = nx.MultiDiGraph() if found.get("directed") else nx.MultiGraph()
        graph.add_nodes_from(_name(node["id"]) for node in found["nodes"])
        known = set(graph)
        for i, link in enumerate(links):
            ends = _name(link["source"]), _name(link["target"])
            if unknown := [end for end in ends if end not in known]:
                raise GraphFileError(f"{kind}; link {i} names {unknown[0]!r}, which is no node")
            graph.add_edge(*ends, weight=link.get("weight"))
        return _of_networkx(graph)


def _name(found: object) -> str:
    if not isinstance(found, str | int):
        raise GraphFileError(f"JSON whose nodes are called by texts or integers; one is {found!r}")
    return str(found)


def _of_xml(data: bytes, kind: str, read: Callable[[io.BytesIO], Any]) -> Drawing:
    with GraphFileError.of_library(f"a readable {kind} file"):
        _refuse_entities(data, kind)
        return _of_networkx(read(io.BytesIO(data)))


def _refuse_entities(data: bytes, kind: str) -> None:
    """Refuses an XML file that defines entities: a few lines of them can grow to gigabytes."""

    def refuse(*_: object) -> None:
        raise GraphFileError(f"a {kind} file without entities; line {parser.CurrentLineNumber} defines one")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.Parse(data, True)


def _of_networkx(graph: Any) -> Drawing:
    if graph.is_directed():
        raise GraphFileError("an undirected graph; this one is directed")
    edges = [(str(a), str(b), weight) for a, b, weight in graph.edges(data="weight")]
    if none := [edge for edge in edges if edge[2] == 0]:
        raise GraphFileError(f"a graph without edges of weight 0; {none[0][0]} - {none[0][1]} has it")
    return Drawing([str(name) for name in graph], [(a, b) for a, b, _ in edges])
