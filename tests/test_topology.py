"""Graphs, their requirement, and the Byzantine set."""

from collections import Counter
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch
from helpers import choices, chosen, graph
from hypothesis import given
from hypothesis import strategies as st

from byzdl.exchange import Roster
from byzdl.schema import ConfigError
from byzdl.streams import stream
from byzdl.topology import Complete, ErdosRenyi, KRegular, Ring, SmallWorld, Torus, byzantine_count, draw_network


def as_graph(network):
    found = nx.Graph(network.edges)
    found.add_nodes_from(range(network.n))
    return found


def degrees(network):
    return [len(around) for around in network.neighbours]


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


@pytest.mark.parametrize("name", choices("topology"))
@pytest.mark.parametrize("seed", range(5))
def test_graphs_are_simple_undirected_and_in_order(name, seed):
    network = draw_network(chosen("topology", name, n=12), 0.25, seed)
    for i, around in enumerate(network.neighbours):
        assert list(around) == sorted(set(around) - {i})
        assert all(i in network.neighbours[j] for j in around)


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


def test_metropolis_weights_by_hand():
    # 0 - 1, 1 - 2, 1 - 3: degrees 1, 3, 1, 1. Every edge touches node 1: 1 / (1 + 3).
    star = graph(4, [(0, 1), (1, 2), (1, 3)])
    assert star.metropolis(0, 1) == star.metropolis(1, 0) == 0.25
    # With 2 - 3 beside it, their degrees are 2: 1 / (1 + 2); with node 1 it stays 1 / 4.
    kite = graph(4, [(0, 1), (1, 2), (1, 3), (2, 3)])
    assert kite.metropolis(2, 3) == 1 / 3
    assert kite.metropolis(2, 1) == 0.25


@pytest.mark.parametrize("name", choices("topology"))
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
