"""Graphs, their requirement, and the Byzantine set."""

import math
from collections import Counter
from itertools import combinations, pairwise

import networkx as nx
import numpy as np
import pytest
import torch
from helpers import choices, chosen, graph
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError, RuleError
from byzdl.exchange import Roster
from byzdl.files import checksum
from byzdl.random_streams import stream
from byzdl.topology import (
    BarabasiAlbert,
    Barbell,
    Complete,
    ErdosRenyi,
    Exponential,
    File,
    KRegular,
    RandomGeometric,
    Ring,
    SmallWorld,
    Star,
    Topology,
    Torus,
    Tree,
    byzantine_count,
    draw_network,
)
from byzdl.topology.placement import CENTRALITIES, highest


def as_graph(network):
    found = nx.Graph(network.edges)
    found.add_nodes_from(range(network.n))
    return found


def degrees(network):
    return [len(around) for around in network.neighbours]


def edge_set(graph):
    return {tuple(sorted(edge)) for edge in graph.edges}


class Unmoved:
    """A generator whose every permutation leaves things where they are."""

    def permutation(self, n):
        return np.arange(n)


def unplaced(topology):
    """The graph of a fixed shape as it is before its nodes are placed."""
    return topology.draw(Unmoved())


@pytest.mark.parametrize(
    ("n", "br", "expected"),
    [
        (10, 0.0, 0),
        (10, 0.04, 0),
        (10, 0.05, 1),  # 0.5 up; Python's own round would make it 0
        (10, 0.1, 1),
        (10, 0.15, 2),  # 1.5 up
        (10, 0.25, 3),  # 2.5 up; round half to even would make it 2
        (10, 0.3, 3),
        (50, 0.29, 15),  # 14.5 up, though 0.29 * 50 is 14.499999999999998 in floats
        (100, 0.145, 15),  # 14.5 up
        (10, 0.5, 5),
        (3, 0.3, 1),  # 0.9
    ],
)
def test_byzantine_count_rounds_half_up(n, br, expected):
    assert byzantine_count(n, br) == expected


def test_ring_is_a_cycle():
    network = draw_network(Ring(name="ring", n=7), 0.0, seed=3)
    assert nx.is_isomorphic(as_graph(network), nx.cycle_graph(7))


def test_ring_places_are_drawn():
    assert len({draw_network(Ring(name="ring", n=7), 0.0, seed=s).neighbours for s in range(10)}) > 1


def test_complete_hears_everybody():
    network = draw_network(Complete(name="complete", n=5), 0.2, seed=0)
    assert network.neighbours == ((1, 2, 3, 4), (0, 2, 3, 4), (0, 1, 3, 4), (0, 1, 2, 4), (0, 1, 2, 3))


@pytest.mark.parametrize(("n", "sides"), [(9, (3, 3)), (12, (3, 4)), (16, (4, 4)), (24, (4, 6))])
def test_torus_is_a_closed_grid_as_square_as_can_be(n, sides):
    network = draw_network(Torus(name="torus", n=n), 0.0, seed=1)
    assert degrees(network) == [4] * n
    assert nx.is_isomorphic(as_graph(network), nx.grid_2d_graph(*sides, periodic=True))


@pytest.mark.parametrize("n", [8, 10, 13])  # 8 = 2 x 4 would give double edges, 13 is prime
def test_torus_refuses_what_is_no_grid(n):
    with pytest.raises(ValueError, match="product of two integers of at least 3"):
        Torus(name="torus", n=n)


def test_k_regular():
    assert degrees(draw_network(KRegular(name="k_regular", n=10, degree=3), 0.0, seed=2)) == [3] * 10


@pytest.mark.parametrize(("n", "degree"), [(5, 3), (4, 4)])  # 15 ends of edges; more neighbours than others
def test_k_regular_refuses_what_is_no_graph(n, degree):
    with pytest.raises(ConfigError, match=r"topology\.degree"):
        draw_network(KRegular(name="k_regular", n=n, degree=degree), 0.0, seed=0)


def test_small_world_without_rewiring_is_a_ring_of_nearest_neighbours():
    network = draw_network(SmallWorld(name="small_world", n=10, degree=4, rewire=0.0), 0.0, seed=0)
    assert nx.is_isomorphic(as_graph(network), nx.circulant_graph(10, [1, 2]))


def test_small_world_rewires_but_keeps_the_number_of_edges():
    drawn = [draw_network(SmallWorld(name="small_world", n=10, rewire=0.5), 0.0, seed=s) for s in range(5)]
    assert [len(network.edges) for network in drawn] == [20] * 5
    assert any(set(degrees(network)) != {4} for network in drawn)


def test_erdos_renyi_has_its_connection_rate():
    # 40 graphs of 190 possible edges at C_r = 0.4: 3040 expected, with a standard deviation of 43.
    topology = ErdosRenyi(name="erdos_renyi", n=20, cr=0.4, require="none")
    edges = sum(len(draw_network(topology, 0.0, seed=s).edges) for s in range(40))
    assert abs(edges - 3040) < 4 * 43
    full = ErdosRenyi(name="erdos_renyi", n=6, cr=1.0)
    assert degrees(draw_network(full, 0.0, seed=0)) == [5] * 6


def test_star_has_one_hub():
    network = draw_network(Star(name="star", n=6), 0.0, seed=0)
    assert sorted(degrees(network)) == [1, 1, 1, 1, 1, 5]
    assert len({degrees(draw_network(Star(name="star", n=6), 0.0, s)).index(5) for s in range(20)}) > 3


@pytest.mark.parametrize(
    ("branching", "n", "edges"),
    [
        (2, 7, [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5), (2, 6)]),
        (2, 6, [(0, 1), (0, 2), (1, 3), (1, 4), (2, 5)]),
        (3, 7, [(0, 1), (0, 2), (0, 3), (1, 4), (1, 5), (1, 6)]),
        (1, 4, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_tree_by_hand(branching, n, edges):
    network = draw_network(Tree(name="tree", n=n, branching=branching), 0.0, seed=0)
    assert nx.is_isomorphic(as_graph(network), nx.Graph(edges))
    assert len(network.edges) == n - 1


CASTLES = {*combinations(range(4), 2), *combinations(range(4, 8), 2)}


@pytest.mark.parametrize(
    ("bridges", "between"),
    [
        (1, {(0, 4)}),
        (3, {(0, 4), (1, 5), (2, 6)}),
        (5, {(0, 4), (1, 5), (2, 6), (3, 7), (0, 5)}),
        (8, {(0, 4), (1, 5), (2, 6), (3, 7), (0, 5), (1, 6), (2, 7), (3, 4)}),
        (16, {(i, j) for i in range(4) for j in range(4, 8)}),
    ],
)
def test_barbell_of_eight_by_hand(bridges, between):
    graph = unplaced(Barbell(name="barbell", n=8, bridges=bridges))
    assert edge_set(graph) == CASTLES | between


def test_barbell_as_networkx_knows_it():
    network = draw_network(Barbell(name="barbell", n=10), 0.0, seed=1)
    assert nx.is_isomorphic(as_graph(network), nx.barbell_graph(5, 0))


@given(st.integers(2, 13), st.data())
def test_barbell_has_as_many_bridges_as_asked_for(n, data):
    first, second = (n + 1) // 2, n // 2
    bridges = data.draw(st.integers(1, first * second))
    graph = unplaced(Barbell(name="barbell", n=n, bridges=bridges))
    assert graph.number_of_edges() == (first * (first - 1) + second * (second - 1)) // 2 + bridges
    per_node = [sum((i < first) != (j < first) for j in graph[i]) for i in range(n)]
    for side in (per_node[:first], per_node[first:]):
        assert max(side) - min(side) <= 1 or n % 2  # spread evenly


def test_barbell_refuses_more_bridges_than_pairs():
    with pytest.raises(ConfigError, match=r"topology\.bridges is 13, but must be an integer, at most 12"):
        draw_network(Barbell(name="barbell", n=7, bridges=13), 0.0, seed=0)


def test_exponential_of_eight_by_hand():
    # +-1 is the ring, +-2 two squares, +-4 the opposite node.
    ring = {(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (0, 7)}
    squares = {(0, 2), (2, 4), (4, 6), (0, 6), (1, 3), (3, 5), (5, 7), (1, 7)}
    opposite = {(0, 4), (1, 5), (2, 6), (3, 7)}
    assert edge_set(unplaced(Exponential(name="exponential", n=8))) == ring | squares | opposite


@pytest.mark.parametrize("n", range(2, 20))
def test_exponential_as_it_is_defined(n):
    powers = [2**k for k in range(10) if 2**k < n]
    expected = {tuple(sorted((i, (i + sign * power) % n))) for i in range(n) for power in powers for sign in (1, -1)}
    assert edge_set(unplaced(Exponential(name="exponential", n=n))) == expected


def test_random_geometric_joins_what_is_near():
    rng, again = (stream(3, "graph", 0) for _ in range(2))
    drawn = RandomGeometric(name="random_geometric", n=15, radius=0.4).draw(rng)
    points = nx.get_node_attributes(drawn, "pos")
    assert all(0 <= c <= 1 for point in points.values() for c in point)
    near = {(i, j) for i, j in combinations(range(15), 2) if math.dist(points[i], points[j]) <= 0.4}
    assert edge_set(drawn) == near
    assert edge_set(RandomGeometric(name="random_geometric", n=15, radius=0.4).draw(again)) == near
    whole = RandomGeometric(name="random_geometric", n=5, radius=1.5)  # no two are further apart than sqrt(2)
    assert degrees(draw_network(whole, 0.0, seed=0)) == [4] * 5


def test_barabasi_albert_grows_by_attachment():
    network = draw_network(BarabasiAlbert(name="barabasi_albert", n=30, attach=2), 0.0, seed=0)
    assert len(network.edges) == 2 + 2 * (30 - 3)  # a star of three nodes, then two edges a node
    assert min(degrees(network)) >= 1
    # The oldest nodes have most edges; numbers at random hide who they are.
    hubs = {int(np.argmax(degrees(draw_network(BarabasiAlbert(name="b", n=30), 0.0, s)))) for s in range(10)}
    assert max(hubs) > 5
    with pytest.raises(ConfigError, match=r"topology\.attach is 4, but must be an integer, at least 1 and below n=4"):
        draw_network(BarabasiAlbert(name="b", n=4, attach=4), 0.0, seed=0)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("tree", "branching", 0),
        ("barbell", "bridges", 0),
        ("random_geometric", "radius", 0.0),
        ("barabasi_albert", "attach", 0),
        ("file", "shuffle", "yes"),
        ("star", "n", 1),
    ],
)
def test_a_key_out_of_range_is_named(name, key, value):
    with pytest.raises(ConfigError, match=rf"topology\.{key} is {value!r}, but must be "):
        chosen("topology", name, **{key: value})


@pytest.mark.parametrize("name", ["star", "tree", "barbell", "exponential", "barabasi_albert"])
def test_places_are_drawn_anew_by_each_draw(name):
    topology = chosen("topology", name, n=9)
    assert len({frozenset(edge_set(topology.draw(stream(0, "graph", draw)))) for draw in range(5)}) > 1


def from_file(file, n, **keys):
    return File(name="file", n=n, path=str(file), checksum=checksum(file), **keys)


def test_a_file_keeps_its_numbers(tmp_path):
    (tmp_path / "mine.edges").write_text("# a comment\n3 1\n0 1 0.5\n1 2 {'weight': 2}\n2 1\n2 2\n")
    network = draw_network(from_file(tmp_path / "mine.edges", 4), 0.0, seed=0)
    assert network.neighbours == ((1,), (0, 2, 3), (1,), (1,))
    assert network.draws == 1


def test_a_file_is_shuffled_where_asked_for(tmp_path):
    (tmp_path / "mine.txt").write_text("0 1\n1 2\n2 3\n3 4\n")
    topology = from_file(tmp_path / "mine.txt", 5, shuffle=True)
    drawn = [draw_network(topology, 0.0, seed=s) for s in range(5)]
    assert len({network.neighbours for network in drawn}) > 1
    assert all(nx.is_isomorphic(as_graph(network), nx.path_graph(5)) for network in drawn)


@pytest.mark.parametrize(
    ("lines", "edges"),
    [
        ("10 2\n2 1\n", [(0, 1), (1, 2)]),  # 1, 2, 10 in their order, whatever they are called
        ("zoe adam\nadam bea\n", [(0, 1), (1, 2)]),  # names as they come
        ("1 2\n2 3\n", [(0, 1), (1, 2)]),
    ],
)
def test_other_names_are_numbered(lines, edges, tmp_path):
    (tmp_path / "mine.edgelist").write_text(lines)
    assert draw_network(from_file(tmp_path / "mine.edgelist", 3), 0.0, seed=0).edges == edges


@pytest.mark.parametrize("name", ["{}", "n{}"])
def test_graphml_as_networkx_writes_it(name, tmp_path):
    written = nx.gnp_random_graph(14, 0.4, seed=1)
    nx.write_graphml(nx.relabel_nodes(written, name.format), tmp_path / "mine.graphml")
    network = draw_network(from_file(tmp_path / "mine.graphml", 14, require="none"), 0.0, seed=0)
    assert set(network.edges) == edge_set(written)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("a.edges", None, "topology.path is PATH, but must be the path of an existing file"),
        (
            "a.doc",
            "0,1\n",
            "topology.path is PATH, but must be a file that ends in .csv, .tsv, .txt, .edgelist, .edges, .adjlist, ",
        ),
        ("a.edges", "0 0\n1\n2\n3\n", "topology.path is PATH, but must be a graph with an edge between two nodes; it"),
        ("a.edges", "0 1\n\xff\xfe", "topology.path is PATH, but must be a text in UTF-8; line 2 holds the byte 0xff"),
        ("a.graphml", "<graphml", "topology.path is PATH, but must be a readable GraphML file ("),
        ("a.edges", "0 1\n1 2\n", "topology.n is 4, but must be 3, the number of nodes in "),
        (
            "a.graphml",
            '<graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">'
            '<node id="0"/><node id="1"/><edge source="0" target="1"/></graph></graphml>',
            "topology.path is PATH, but must be an undirected graph",
        ),
    ],
)
def test_a_file_that_is_no_such_graph_is_refused(file, content, says, tmp_path):
    if content is not None:
        (tmp_path / file).write_text(content, encoding="latin-1")
    found = checksum(tmp_path / file) if content is not None else None
    with pytest.raises(ConfigError) as raised:
        draw_network(File(name="file", n=4, path=str(tmp_path / file), checksum=found), 0.0, seed=0)
    path = tmp_path / file
    assert str(raised.value).startswith(says.replace("PATH", repr(str(path))))
    assert str(path) in str(raised.value)


def test_a_file_that_changed_since_its_run_was_named_is_refused(tmp_path):
    (tmp_path / "a.edges").write_text("0 1\n")
    topology = from_file(tmp_path / "a.edges", 2)
    (tmp_path / "a.edges").write_text("1 0\n")
    with pytest.raises(ConfigError, match=r"topology\.checksum is '\w+', but must be '\w+', the checksum of "):
        draw_network(topology, 0.0, seed=0)


def test_a_graph_that_never_differs_is_drawn_once(tmp_path):
    (tmp_path / "a.edges").write_text("0 1\n2 3\n")
    with pytest.raises(ConfigError, match=r"topology\.require is 'connected', but none of 1 graphs"):
        draw_network(from_file(tmp_path / "a.edges", 4, require="connected"), 0.0, seed=0)


@pytest.mark.parametrize("name", choices("topology"))
@pytest.mark.parametrize("seed", range(5))
def test_graphs_are_simple_and_in_order_and_undirected_unless_they_say_so(name, seed):
    network = draw_network(chosen("topology", name, n=12), 0.25, seed)
    for i, around in enumerate(network.neighbours):
        assert list(around) == sorted(set(around) - {i})
        assert network.directed or all(i in network.neighbours[j] for j in around)


@pytest.mark.parametrize("name", choices("topology"))
@pytest.mark.parametrize("seed", range(5))
def test_the_benign_are_connected_as_required(name, seed):
    network = draw_network(chosen("topology", name, n=12), 0.25, seed)
    assert len(network.byzantine) == 3
    assert nx.is_connected(as_graph(network))
    assert nx.is_connected(as_graph(network).subgraph(network.benign))


def test_requirements_differ():
    # The paper's graph with 5 of 10 attackers: some draws are connected while their benign part is not,
    # and some are not even connected. Each requirement takes the first draw that fulfils it.
    def drawn(require, seed):
        return draw_network(ErdosRenyi(name="erdos_renyi", n=10, cr=0.25, require=require), 0.5, seed)

    kept = Counter()
    for seed in range(20):
        none, connected, benign = (drawn(r, seed) for r in ("none", "connected", "benign_connected"))
        assert none.draws == 1 <= connected.draws <= benign.draws
        assert nx.is_connected(as_graph(connected))
        assert nx.is_connected(as_graph(benign).subgraph(benign.benign))
        kept["not connected"] += not nx.is_connected(as_graph(none))
        kept["only some benign"] += not nx.is_connected(as_graph(connected).subgraph(connected.benign))
    assert min(kept["not connected"], kept["only some benign"]) > 0


def test_the_draws_are_counted_as_they_were_made():
    topology = ErdosRenyi(name="erdos_renyi", n=10, cr=0.25)
    seed = next(s for s in range(50) if draw_network(topology, 0.3, s).draws > 2)
    network = draw_network(topology, 0.3, seed)
    # An independent walk over the same stream: every earlier draw fails, this one is the first to hold.
    benign = set(network.benign)
    for draw in range(network.draws):
        candidate = nx.gnp_random_graph(10, 0.25, seed=stream(seed, "graph", draw))
        holds = nx.is_connected(candidate) and nx.is_connected(candidate.subgraph(benign))
        assert holds == (draw == network.draws - 1)
    assert sorted(candidate.edges) == sorted(network.edges)


def test_what_no_draw_fulfils_is_refused_by_the_names_of_its_keys():
    # 50 nodes with 2% of edges: on average one neighbour each; a connected graph does not come up.
    with pytest.raises(ConfigError) as raised:
        draw_network(ErdosRenyi(name="erdos_renyi", n=50, cr=0.02), 0.1, seed=0)
    for part in ("topology.require", "1000", "topology.cr", "attack.br", "topology.n"):
        assert part in str(raised.value)


def test_a_rate_must_leave_a_benign_node():
    # 0.85 * 7 = 5.95 leaves one benign node, which is connected by itself; 0.95 * 7 = 6.65 leaves none.
    assert len(draw_network(Ring(name="ring", n=7), 0.85, seed=0).benign) == 1
    with pytest.raises(ConfigError, match=r"attack\.br"):
        draw_network(Ring(name="ring", n=7), 0.95, seed=0)


@given(st.integers(0, 10**6), st.integers(2, 30))
def test_the_byzantine_set_grows_with_the_rate(seed, n):
    """Nested sets: a run at a higher rate has the attackers of the lower one, and more."""
    topology = Complete(name="complete", n=n)
    rates = [br for br in (0.0, 0.1, 0.25, 0.4, 0.5, 0.7) if byzantine_count(n, br) < n]
    sets = [set(draw_network(topology, br, seed).byzantine) for br in rates]
    assert all(small <= large for small, large in pairwise(sets))
    assert [len(found) for found in sets] == [byzantine_count(n, br) for br in rates]


@pytest.mark.parametrize("seed", range(3))
def test_the_byzantine_set_is_the_same_on_every_graph(seed):
    drawn = {draw_network(chosen("topology", name, n=12), 0.25, seed).byzantine for name in choices("topology")}
    assert len(drawn) == 1


def test_the_byzantine_set_depends_on_the_seed():
    topology = Complete(name="complete", n=12)
    assert len({draw_network(topology, 0.25, seed).byzantine for seed in range(20)}) > 10


def placed_on(topology, br, seed=0):
    network = draw_network(topology, br, seed)
    return as_graph(network), network.byzantine


def test_placement_by_degree_takes_the_hub():
    for seed in range(5):
        graph, byzantine = placed_on(Star(name="star", n=8, placement="degree", require="none"), 0.125, seed)
        assert [graph.degree(i) for i in byzantine] == [7]


def test_of_equal_degree_the_lowest_numbers_are_taken():
    # A hub and leaves: the hub, then leaves from the lowest number on.
    graph, byzantine = placed_on(Star(name="star", n=8, placement="degree", require="none"), 0.5, 1)
    hub = next(i for i in graph if graph.degree(i) == 7)
    assert byzantine == tuple(sorted([hub, *[i for i in range(8) if i != hub][:3]]))


def test_of_equal_betweenness_the_lowest_numbers_are_taken():
    # All are alike, and networkx sums in orders of its own: without rounding the last bits would choose.
    for n in (9, 13, 16):
        topology = Exponential(name="exponential", n=n, placement="betweenness", require="none")
        assert placed_on(topology, 3 / n)[1] == (0, 1, 2)


def test_placement_by_betweenness_takes_the_bridge():
    topology = Barbell(name="barbell", n=10, placement="betweenness", require="none")
    graph, byzantine = placed_on(topology, 0.2)
    assert byzantine in list(nx.bridges(graph)) or byzantine[::-1] in list(nx.bridges(graph))


def test_degree_and_betweenness_differ():
    # Two triangles hang on node 6 by one edge each: it lies on most ways, and has the fewest neighbours.
    graph = nx.Graph([(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5), (2, 6), (6, 3)])
    assert highest(CENTRALITIES["betweenness"](graph), 1) == (6,)
    assert highest(CENTRALITIES["degree"](graph), 2) == (2, 3)
    assert highest(CENTRALITIES["degree"](graph), 4) == (0, 1, 2, 3)


@pytest.mark.parametrize("placement", ["degree", "betweenness"])
def test_centrality_is_that_of_the_drawn_graph(placement):
    for seed in range(5):
        graph, byzantine = placed_on(ErdosRenyi(name="e", n=12, placement=placement), 0.25, seed)
        # Straight from its definition: all shortest paths, counted one by one.
        paths = [p for a, b in combinations(graph, 2) for p in [list(nx.all_shortest_paths(graph, a, b))]]
        between = {i: sum(sum(i in path[1:-1] for path in p) / len(p) for p in paths) for i in graph}
        value = {"degree": dict(graph.degree()), "betweenness": between}[placement]
        assert min(value[i] for i in byzantine) >= max(value[i] for i in graph if i not in byzantine) - 1e-9
        assert len(byzantine) == 3
        assert nx.is_connected(graph.subgraph(set(graph) - set(byzantine)))


def test_placement_by_hand_is_kept():
    for seed in range(3):
        topology = ErdosRenyi(name="e", n=10, placement=[7, 2, 4])
        assert draw_network(topology, 0.3, seed).byzantine == (2, 4, 7)
    assert draw_network(Ring(name="ring", n=5, placement=[]), 0.0, seed=0).byzantine == ()


@pytest.mark.parametrize("nodes", [[0, 1], [0, 1, 2, 3], [0, 1, 1], [0, 1, 10], []])
def test_nodes_that_are_no_byzantine_set_are_refused(nodes):
    with pytest.raises(ConfigError) as raised:
        draw_network(Complete(name="complete", n=10, placement=nodes), 0.3, seed=0)
    takes = "must be 3 different node numbers below topology.n=10, the Byzantine nodes of attack.br=0.3"
    assert str(raised.value) == f"topology.placement is {nodes}, but {takes}"


@pytest.mark.parametrize("placement", ["hub", [-1], [0.5], ["0"], None, [True]])
def test_a_placement_that_is_none_is_refused(placement):
    with pytest.raises(
        ConfigError, match=r"topology\.placement is .*, but must be random, degree, betweenness, or a list"
    ):
        chosen("topology", "ring", placement=placement)


def test_a_placement_that_cuts_every_graph_is_refused_by_its_key(tmp_path):
    for topology in (
        Barbell(name="barbell", n=8, placement="betweenness"),
        Star(name="star", n=8, placement="degree"),
    ):
        with pytest.raises(ConfigError) as raised:
            draw_network(topology, 0.25, seed=0)
        for part in (
            f"topology.placement={topology.placement}",
            "; try another topology.placement, ",
            "topology.require",
        ):
            assert part in str(raised.value)
    (tmp_path / "path.edges").write_text("0 1\n1 2\n2 3\n")
    with pytest.raises(ConfigError, match=r"topology\.placement=\[1\].*; try another topology\.placement"):
        draw_network(from_file(tmp_path / "path.edges", 4, placement=[1]), 0.25, seed=0)
    assert draw_network(from_file(tmp_path / "path.edges", 4, placement=[0]), 0.25, seed=0).byzantine == (0,)


@given(st.integers(0, 10**6), st.sampled_from(["degree", "betweenness"]))
def test_on_one_graph_the_central_byzantine_set_grows_with_the_rate(seed, placement):
    sets = [
        set(draw_network(ErdosRenyi(name="e", n=12, placement=placement, require="none"), br, seed).byzantine)
        for br in (0.0, 0.1, 0.25, 0.5, 0.9)
    ]
    assert [len(found) for found in sets] == [0, 1, 3, 6, 11]
    assert all(small <= large for small, large in pairwise(sets))


def test_how_the_byzantine_are_placed_moves_no_graph():
    drawn = [
        draw_network(ErdosRenyi(name="e", n=10, placement=p, require="none"), 0.2, seed=4)
        for p in ("random", "degree", "betweenness", [0, 1])
    ]
    assert len({network.neighbours for network in drawn}) == 1
    assert len({network.byzantine for network in drawn}) > 1


def test_metropolis_weights_by_hand():
    # 0 - 1, 1 - 2, 1 - 3: degrees 1, 3, 1, 1. Every edge touches node 1: 1 / (1 + 3).
    star = graph(4, [(0, 1), (1, 2), (1, 3)])
    assert star.metropolis(0, 1) == star.metropolis(1, 0) == 0.25
    # With 2 - 3 beside it, their degrees are 2: 1 / (1 + 2); with node 1 it stays 1 / 4.
    kite = graph(4, [(0, 1), (1, 2), (1, 3), (2, 3)])
    assert kite.metropolis(2, 3) == 1 / 3
    assert kite.metropolis(2, 1) == 0.25


@pytest.mark.parametrize("name", [name for name in choices("topology") if not chosen("topology", name, n=12).directed])
def test_metropolis_weights_are_doubly_stochastic(name):
    network = draw_network(chosen("topology", name, n=12), 0.25, seed=4)
    roster = Roster.of(network, tuple(range(12)), torch.device("cpu"))
    w = np.zeros((12, 12))
    for i in range(12):
        around = network.neighbours[i]
        w[i, list(around)] = roster.metropolis[i, : len(around)]
        assert not roster.metropolis[i, len(around) :].any()
    w += np.diag(1 - w.sum(1))
    np.testing.assert_allclose(w, w.T)
    np.testing.assert_allclose(w.sum(0), 1)
    np.testing.assert_allclose(w.sum(1), 1)
    assert (w >= 0).all()
    assert (np.diag(w) > 0).all()


def test_roster_by_hand():
    # 0 - 1, 0 - 2, 1 - 2, 2 - 3; node 2 is Byzantine and does not learn.
    network = graph(4, [(0, 1), (0, 2), (1, 2), (2, 3)], byzantine=[2])
    roster = Roster.of(network, network.benign, torch.device("cpu"))
    assert roster.learners.tolist() == [0, 1, 3]
    assert roster.present.tolist() == [[True, True], [True, True], [True, False]]
    assert roster.byzantine.tolist() == [[False, True], [False, True], [True, False]]
    # Degrees 2, 2, 3, 1: W_01 = 1/3; whatever touches node 2 has 1/4; padding has 0.
    torch.testing.assert_close(roster.metropolis, torch.tensor([[1 / 3, 1 / 4], [1 / 3, 1 / 4], [1 / 4, 0]]))


class Mine(Topology):
    """A topology of one's own that draws what it is given."""

    def draw(self, rng):
        return DRAWN[self.name]()


DRAWN = {
    "directed": lambda: nx.path_graph(3, create_using=nx.DiGraph),
    "many": lambda: nx.path_graph(3, create_using=nx.MultiGraph),
    "matrix": lambda: np.ones((3, 3)),
    "from one": lambda: nx.path_graph([1, 2, 3]),
    "small": lambda: nx.path_graph(2),
    "loop": lambda: nx.Graph([(0, 1), (1, 2), (2, 2)]),
}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("directed", "returned a DiGraph, but must return an undirected networkx.Graph"),
        ("many", "returned a MultiGraph, but must return an undirected networkx.Graph"),
        ("matrix", "returned a ndarray, but must return an undirected networkx.Graph"),
        ("from one", "drew 3 nodes (1, 2, 3, ...), but must draw the nodes 0 to 2"),
        ("small", "drew 2 nodes (0, 1, ...), but must draw the nodes 0 to 2"),
        ("loop", "linked node 2 to itself, but must link it to others"),
    ],
)
def test_a_topology_of_ones_own_that_draws_no_graph_is_one_line(name, says):
    with pytest.raises(RuleError) as raised:
        draw_network(Mine(n=3, name=name), 0.0, seed=0)
    assert str(raised.value) == f"{Mine.__module__}.Mine.draw: {says}"
