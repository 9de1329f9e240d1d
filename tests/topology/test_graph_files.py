"""Graphs from files of one's own: each format is read as meant, and each wrong file is one line that says what it is."""

import io
import json
import pickle

import networkx as nx
import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl.config.compose import compose
from byzdl.config.types import ConfigError
from byzdl.files import checksum
from byzdl.simulation import parse
from byzdl.topology import File, draw_network
from byzdl.topology.drawing import GraphFileError
from byzdl.topology.file import OTHERS, TEXTS, of_file

# Writers


def in_memory(write, *arguments, **keys):
    file = io.BytesIO()
    write(file, *arguments, **keys)
    return file.getvalue()


def listed(graph, separator, header="", last="", end="\n"):
    """A list of edges, with the nodes without edges as lines of their own."""
    rows = [*map(list, graph.edges), *([node] for node in nx.isolates(graph))]
    lines = [separator.join(map(str, row)) + (last if len(row) == 2 else "") for row in rows]
    return end.join([*([header] if header else []), *lines, ""]).encode()


def matrix(graph):
    return nx.to_numpy_array(graph, nodelist=sorted(graph), dtype=np.int64)


def table(graph, separator=",", header=False, index=False):
    names, cells = [str(node) for node in sorted(graph)], matrix(graph).tolist()
    rows = [[*([name] if index else []), *map(str, row)] for name, row in zip(names, cells, strict=True)]
    return "\n".join(map(separator.join, [*([[*([""] if index else []), *names]] if header else []), *rows])).encode()


def sparse(graph, form):
    return in_memory(scipy.sparse.save_npz, getattr(scipy.sparse, f"{form}_array")(matrix(graph)))


def both_ways(graph):
    return scipy.sparse.coo_array(matrix(graph))


def links(graph, name):
    edges = [{"source": a, "target": b} for a, b in graph.edges]
    return json.dumps({"nodes": [{"id": node} for node in graph], name: edges}).encode()


WRITERS = {
    "blanks": (".edges", lambda g: listed(g, " ")),
    "weights": (".txt", lambda g: listed(g, "\t", last="\t0.5")),
    "attributes": (".edgelist", lambda g: listed(g, " ", last=" {'weight': 2, 'kind': 'a'}")),
    "commas": (".edges", lambda g: listed(g, ", ")),
    "titles": (".csv", lambda g: listed(g, ",", "source,target")),
    "own titles": (".csv", lambda g: listed(g, ",", "Quelle,Ziel,Gewicht", last=",7")),
    "decimal commas": (".csv", lambda g: listed(g, ";", "from;to;weight", last=";0,5")),
    "tabs": (".tsv", lambda g: listed(g, "\t", "From\tTo")),
    "of Windows": (".csv", lambda g: b"\xef\xbb\xbf" + listed(g, ",", "Source,Target,Type", ",Undirected", end="\r\n")),
    "of Excel": (".txt", lambda g: listed(g, "\t").decode().encode("utf-16")),
    "comments": (".txt", lambda g: b"% made by hand\n" + listed(g, " ", last=" # here")),
    "both ways": (".csv", lambda g: listed(g.to_directed(), ",") + b"0,0\n"),
    "neighbours": (".adjlist", lambda g: "\n".join(nx.generate_adjlist(g)).encode()),
    "matrix": (".csv", lambda g: table(g)),
    "matrix with titles": (".csv", lambda g: table(g, header=True)),
    "matrix with names": (".csv", lambda g: table(g, header=True, index=True)),
    "matrix of blanks": (".txt", lambda g: in_memory(np.savetxt, matrix(g))),
    "npy": (".npy", lambda g: in_memory(np.save, matrix(g).astype(bool))),
    "npz": (".npz", lambda g: in_memory(np.savez_compressed, adjacency=matrix(g).astype(np.float32))),
    "sparse rows": (".npz", lambda g: sparse(g, "csr")),
    "sparse entries": (".npz", lambda g: sparse(g, "coo")),
    "Matrix Market": (".mtx", lambda g: in_memory(scipy.io.mmwrite, both_ways(g))),
    "dense Matrix Market": (".mtx", lambda g: in_memory(scipy.io.mmwrite, matrix(g))),
    "Matrix Market both ways": (".mtx", lambda g: in_memory(scipy.io.mmwrite, both_ways(g), symmetry="general")),
    "sparse columns": (".npz", lambda g: sparse(g, "csc")),
    "GraphML": (".graphml", lambda g: in_memory(lambda file, g: nx.write_graphml(g, file), g)),
    "GEXF": (".gexf", lambda g: "\n".join(nx.generate_gexf(g)).encode()),
    "GML": (".gml", lambda g: "\n".join(nx.generate_gml(g)).encode()),
    "links": (".json", lambda g: links(g, "links")),
    "JSON edges": (".json", lambda g: links(g, "edges")),
}


@st.composite
def graphs(draw):
    """A graph on 0 .. n-1 with at least one edge; nodes without edges are common."""
    n = draw(st.integers(3, 7))
    pairs = [(i, j) for i in range(n) for j in range(i)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=2 * n))
    graph = nx.empty_graph(n)
    graph.add_edges_from(chosen)
    return graph


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=12, deadline=None)
@given(graphs())
def test_each_format_reads_back_to_the_same_graph(form, graph):
    ending, write = WRITERS[form]
    read = of_file(ending, write(graph)).numbered()
    assert list(read) == list(graph)
    assert {frozenset(edge) for edge in read.edges} == {frozenset(edge) for edge in graph.edges}


def test_every_ending_is_written_above():
    assert {ending for ending, _ in WRITERS.values()} == {*TEXTS, *OTHERS}


@pytest.mark.parametrize(
    ("ending", "text", "names", "edges"),
    [
        (".csv", '"New York","Boston"\nBoston,"Paris, Texas"\n', ["New York", "Boston", "Paris, Texas"], 2),
        (".csv", ",source,target\n0,ann,bob\n1,bob,cyd\n", ["ann", "bob", "cyd"], 2),
        (".csv", ",Person A,Person B\n0,ann,bob\n1,bob,cyd\n", ["ann", "bob", "cyd"], 2),
        (".csv", "Id,Source,Target,Weight\n7,a,b,0.5\n8,b,c,2\n", ["a", "b", "c"], 2),
        (".csv", "source,b\nb,target\n", ["source", "b", "target"], 2),  # nodes that are called like titles
        (".csv", "from,to\nto,c\n", ["from", "to", "c"], 2),
        (".csv", "u,v\nw,x\n", ["u", "v", "w", "x"], 2),
        (".csv", "u,v\n0,1\n", ["0", "1"], 1),
        (".csv", "C#,Java\nJava,Go\n", ["C#", "Java", "Go"], 2),
        (".csv", "a,\nb,c\n", ["a", "b", "c"], 1),
        (".csv", ",a,b,c\na,0,1,1\nb,1,0,0\nc,1,0,0\n", ["a", "b", "c"], 2),
        (".csv", "a,b,c\nFalse,True,True\nTrue,False,False\nTrue,False,False\n", ["a", "b", "c"], 2),
        (".txt", "a b c\na 1 1 0\nb 1 1 1\nc 0 1 1\n", ["a", "b", "c"], 2),  # as R writes it
        (".txt", "0 1 1\n0 2 1\n1 2 5\n", ["0", "1", "2"], 3),  # three edges with weights are no matrix
        (".edges", "1 0\n0 1\n0 2\n", ["1", "0", "2"], 3),
        (".tsv", "New York\tBoston\nBoston\tRome\n", ["New York", "Boston", "Rome"], 2),
    ],
)
def test_names_titles_and_small_cases(ending, text, names, edges):
    drawing = of_file(ending, text.encode())
    assert (drawing.names, len(drawing.edges)) == (names, edges)


def npy(array, **keys):
    return in_memory(np.save, np.array(array), **keys)


BOMB = (
    b"""<?xml version="1.0"?><!DOCTYPE g [<!ENTITY a "aaaaaaaa">\n<!ENTITY b "&a;&a;&a;&a;">]><graphml>&b;</graphml>"""
)
MTX = b"%%MatrixMarket matrix coordinate pattern symmetric\n"
CSR = {"format": b"csr", "shape": (2, 2), "data": np.ones(2), "indptr": np.array([0, 1, 2])}
XML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{}</graphml>'
WRONG = [
    # Not of its ending
    (".edges", b"", "a graph; it is empty"),
    (".csv", b"\xef\xbb\xbf", "a graph; it has no line but comments"),
    (".txt", b"# nothing\n\n", "a graph; it has no line but comments"),
    (".edges", b"0 1\n\x89PNG\x00", "a text in UTF-8; line 2 holds the byte 0x89"),
    (".edges", b"0 1\n1\x002\n", r"a text; line 2 holds the control character '\x00'"),
    (".csv", "Köln,Bonn\n".encode("latin-1"), "a text in UTF-8; line 1 holds the byte 0xf6"),
    (".npy", pickle.dumps([1]), "a .npy or .npz file with a matrix of numbers ("),
    (".npy", npy([[0, {}], [1, 0]], allow_pickle=True), "a .npy or .npz file with a matrix of numbers (Object arrays"),
    (".npz", b"PK\x03\x04rubbish", "a .npy or .npz file with a matrix of numbers ("),
    (".npy", npy([[0, 1], [1, 0]])[:-4], "a .npy or .npz file with a matrix of numbers ("),
    (".mtx", b"0 1\n", "a Matrix Market file of a general or symmetric matrix, real, integer or pattern; line 1 is '0 1'"),
    (".mtx", MTX + b"2 2 1\n2 1\n2 1\n", "a Matrix Market file with 1 entries; it has 2"),
    (".mtx", MTX + b"2 2 1\n9 1\n", "a sparse matrix of 2 rows and columns; an entry is at 8, counted from 0"),
    (".mtx", MTX + b"2 2 1\nnan 1\n", "a Matrix Market file whose rows and columns are integers"),
    (".mtx", MTX + b"2 3 1\n1 1\n", "a square matrix; its shape is [2, 3]"),
    (".mtx", MTX + b"2 2 1\n1 x\n", "a Matrix Market file of numbers ("),
    (".mtx", MTX, "a graph; it has no line but comments"),
    (".npz", in_memory(np.savez, **CSR, indices=np.array([1, 70])), "a sparse matrix of 2 rows and columns; an entry is at 70"),
    (".npz", in_memory(np.savez, **CSR, indices=np.array([1])), "a sparse matrix with a row, a column and a value for each"),
    (".npz", in_memory(np.savez, **CSR), "a sparse matrix of scipy ("),
    (".graphml", b"\x00\x01", "a readable GraphML file ("),
    (".graphml", BOMB, "a GraphML file without entities; line 1 defines one"),
    (".gexf", b"<gexf/>", "a readable GEXF file ("),
    (".gml", b"graph [", "a readable GML file ("),
    (".gml", b"\xff", "a readable GML file ("),
    (".json", b"{", "JSON of nodes with an id, and of links or edges with source and target ("),
    (".json", b"[" * 100_000, "JSON of nodes with an id, and of links or edges with source and target ("),
    (".json", b"[1]", "JSON of nodes with an id, and of links or edges with source and target"),
    (".json", b'{"nodes": [{}], "links": []}', "JSON of nodes with an id, and of links or edges with source and target ("),
    (".json", b'{"nodes": [{"id": [1]}], "links": []}', "JSON whose nodes are called by texts or integers; one is [1]"),
    # Lists that cannot be meant as they are
    (".csv", b'0,1\n1,"2\n', "a list of edges; line 2 is '1,\"2' (unexpected end of data)"),
    (".csv", b"0,1\n,2\n", "a list of edges, with two nodes in a line; line 2 is ' 2'"),
    (".csv", b"0,1,1\n1,,3\n", "a list of edges, with two nodes in a line; line 2 is '1  3'"),
    (".csv", b"source,target\n0,1\n1,2,3\n", "a list of edges; line 3 has more cells than the header ('1 2 3')"),
    (".txt", b"New York,Boston\n", "a list with one separator; line 1 has blanks and a comma ('New York,Boston')"),
    (".txt", b"a b\n\nc d\te\n", r"a list with one separator; line 3 has blanks and a tab ('c d\te')"),
    (".txt", b"0.0 1.0\n1.0 2.0\n", "a list of edges, whose nodes are integers or names; line 1 has the node 0.0 ("),
    (".csv", b"0,1,1\n1,2,0\n", "a list of edges without weight 0; line 2 has it ('1 2 0')"),
    (".edges", b"0 1 {'weight': 0.0}\n", "a list of edges without weight 0; line 1 has it (\"0 1 {'weight': 0.0}\")"),
    (".csv", b"Source,Target,Type\n0,1,Directed\n", "a list of undirected edges; line 2 is directed ('0 1 Directed')"),
    (".txt", b"0 1 2 3\n1 2\n2 3\n3\n", "a list of edges, with two nodes in a line; line 1 is '0 1 2 3'; name a list of"),
    # Matrices of something else
    (".csv", b"0,2,3\n2,0,1\n3,1,0\n", "a list of edges with a header such as source,target,weight, or a matrix of 0 and"),
    (".csv", b"0,.5,0\n.5,0,1\n0,1,0\n", "a symmetric matrix of 0 and 1, as weights are not used; cell 2 of line 1 is 0.5"),
    (".csv", b",a,b\na,0,1\nb,nan,0\n", "a symmetric matrix of 0 and 1, as weights are not used; cell 2 of line 3 is nan"),
    (".csv", b"0,1,1\n1,0,0\n0,0,0\n", "a symmetric matrix of 0 and 1, as edges have no direction; cell 3 of line 1 is 1, "),
    (".csv", b"0,0,1,0,0\n" * 4, "a square matrix, or a list of edges; it has 4 lines of 5 numbers"),
    (".npy", npy([[0, np.nan], [1, 0]]), "a symmetric matrix of 0 and 1, as weights are not used; [0, 1] is nan"),
    (".npy", npy([[0, 1], [0, 0]]), "a symmetric matrix of 0 and 1, as edges have no direction; [0, 1] is 1, but [1, 0] is 0"),
    (".npy", npy([[0, 1, 1], [1, 0, 1]]), "a square matrix; its shape is [2, 3]"),
    (".npy", npy(3), "a square matrix; its shape is []"),
    (".npy", npy([["0", "1"], ["1", "0"]]), "a matrix of numbers; its type is <U1"),
    (".npy", npy([[0, 1j], [1j, 0]]), "a matrix of numbers; its type is complex128"),
    (".npz", in_memory(np.savez, a=np.eye(2), b=np.eye(2)), "a .npz with one matrix; it has a, b"),
    (".npz", in_memory(np.savez), "a .npz with one matrix; it has none"),
    # Graphs with directions
    (".gml", b"graph [ directed 1 node [ id 0 ] node [ id 1 ] ]", "an undirected graph; this one is directed"),
    (".json", b'{"directed": true, "nodes": [{"id": 0}], "links": []}', "an undirected graph; this one is directed"),
    (".json", b'{"nodes": [{"id": 0}], "links": [{"source": 0, "target": 1}]}', "JSON of nodes with an id, and of links or "),
    (".graphml", XML.format("").encode(), "a readable GraphML file ("),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "data", "says"), WRONG)
def test_a_wrong_file_is_one_line_that_says_what_was_found(ending, data, says):
    with pytest.raises(GraphFileError) as raised:
        of_file(ending, data)
    assert str(raised.value).startswith(says)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 330


@pytest.mark.parametrize("ending", [*TEXTS, *OTHERS])
@settings(max_examples=30, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text("0123 ,;\t\n\"#a.<>{}[]'", max_size=40).map(str.encode)))
def test_rubbish_is_a_graph_or_one_line(ending, data):
    try:
        graph = of_file(ending, data).numbered()
    except GraphFileError:
        return
    assert set(graph) == set(range(len(graph)))
    assert not any(a == b for a, b in graph.edges)


def test_a_matrix_of_a_billion_nodes_is_refused_at_once():
    entries = np.array([1.0, 1.0]), (np.array([0, 10**9 - 1]), np.array([10**9 - 1, 0]))
    data = in_memory(scipy.sparse.save_npz, scipy.sparse.coo_array(entries, shape=(10**9, 10**9)))
    drawing = of_file(".npz", data)
    assert drawing.summary() == "nodes 0, 1, 2, 3, ...; 1 edge"


def test_another_number_of_nodes_is_told_with_what_was_read(tmp_path):
    file = tmp_path / "friends.csv"
    file.write_text("Person A,Person B\nann,bob\nbob,cyd\n")
    with pytest.raises(ConfigError) as raised:
        draw_network(File(n=3, path=str(file), checksum=checksum(file)), 0.0, seed=0)
    takes = f"5, the number of nodes in {file} (nodes Person A, Person B, ann, bob, ...; 3 edges)"
    assert str(raised.value) == f"topology.n is 3, but must be {takes}"


@pytest.mark.parametrize("path", ["~nobody_of_this_name/a.edges", "a\0b.edges", "x" * 5000, "", "."])
def test_a_path_of_no_file_is_refused(path):
    with pytest.raises(ConfigError, match=r"^topology\.path is .*, but must be the path of an existing file$"):
        draw_network(File(n=3, path=path), 0.0, seed=0)


def test_a_home_of_nobody_is_refused_where_it_is_typed():
    config = compose("topology=file", "topology.path='~nobody_of_this_name/a.edges'")
    with pytest.raises(
        ConfigError, match=r"^topology\.path is '~nobody_of_this_name/a\.edges', but must be the path of"
    ):
        draw_network(parse(config).topology, 0.0, seed=0)
