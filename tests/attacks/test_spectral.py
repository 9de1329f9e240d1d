"""Spectral: the benign graph's Fiedler vector, and the messages made from it."""

import networkx as nx
import numpy as np
import pytest
from helpers import chosen, delivered, graph, view

HALF = 0.5**0.5
PATH = [[5.0], [1.0], [3.0]]


def test_on_a_path_its_ends_are_driven_apart():
    # v = (1, 0, -1) / sqrt 2, and v'x = 2 / sqrt 2: the messages are 5 + c, 1 and 3 - c.
    seen = view(PATH, attacker=[0, 0, 0], victim=[0, 1, 2])
    sent = delivered(chosen("attack", "spectral", factor=2.0), seen)
    assert sent.flatten().tolist() == pytest.approx([7, 1, 1])


def test_each_victim_is_taken_as_far_as_it_goes():
    # A victim takes the mean of its own model and of messages within 10 of it: of c = 1, 2, 4, 8, 16 at most 8.
    keys = {"weakest": 1.0, "strongest": 16.0, "trials": 5}
    seen = view(PATH, attacker=[0, 0, 0], victim=[0, 1, 2])
    # At node 1 v is 0, so it stays in place for any c.
    assert delivered(chosen("attack", "spectral", **keys), seen).flatten().tolist() == pytest.approx([13, 1, -5])
    # Node 2 at 30, of neighbours at 0 and -30, which take it by gossip alone to 30 - 7.5 - 30 = -7.5. Now v'x is
    # -60 / sqrt 2, and at c = 0.1 and 0.2 it gets 33 and 36, for 31.5 and 33; 42 is too far away, and leaves it at 30.
    seen = view([[-30.0], [0.0], [30.0]], attacker=[0], victim=[2])
    seen = delivered(chosen("attack", "spectral", weakest=0.1, strongest=0.4, trials=3), seen)
    assert seen.item() == pytest.approx(36)


def test_far_is_meant_from_where_gossip_would_lead():
    # The victim at 0 hears 40 at weight 1/4 and -2 at 1/2: gossip leads to 9. v'x is 2 / sqrt 2: the message is c, and what
    # takes the victim to c / 2 brings it the nearer to 9 the stronger it is.
    keys = {"weakest": 1.0, "strongest": 8.0, "trials": 4}
    sent = delivered(chosen("attack", "spectral", **keys), view([[0.0], [40.0], [-2.0]]))
    assert sent.item() == pytest.approx(1)


def test_a_single_benign_node_gets_its_own_model():
    assert delivered(chosen("attack", "spectral", factor=3.0), view([[5.0]])).tolist() == [[5]]


def fiedler(n, edges):
    return graph(n, edges).fiedler(tuple(range(n)))


def test_fiedler_vectors_by_hand():
    assert np.abs(fiedler(3, [(0, 1), (1, 2)])) == pytest.approx([HALF, 0, HALF], abs=1e-9)
    # A barbell: two triangles and a bridge. The sides have different signs, and the bridge's ends are the nearest to 0.
    v = fiedler(6, [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)])
    assert v[:3] == pytest.approx(-v[[5, 4, 3]])
    assert abs(v[2]) < abs(v[0])
    # In two parts: each is of one value, the larger part of the smaller one. 2 a + b = 0, 2 a^2 + b^2 = 1.
    assert np.abs(fiedler(3, [(0, 1)])) == pytest.approx([6**-0.5, 6**-0.5, 2 * 6**-0.5])
    # A star: any values of the leaves that add up to 0 will do; taken is (3, -1, -1, -1), of length sqrt 12.
    assert fiedler(5, [(0, i) for i in (1, 2, 3, 4)]) == pytest.approx(np.array([0, 3, -1, -1, -1]) / 12**0.5, abs=1e-9)
    assert fiedler(1, []).tolist() == [0]
    assert fiedler(0, []).tolist() == []


def test_only_the_nodes_that_are_asked_about_are_the_graph():
    # A star around node 2, which is Byzantine and not asked about. The path 0 - 1 - 4 is left.
    network = graph(5, [(2, 0), (2, 1), (2, 3), (2, 4), (0, 1), (1, 4)], byzantine=[2])
    v = network.fiedler((0, 1, 4))
    assert np.abs(v) == pytest.approx([HALF, 0, HALF], abs=1e-9)
    assert network.fiedler((0, 1, 4)) is v


@pytest.mark.parametrize(
    "reference",
    [nx.cycle_graph(6), nx.complete_graph(5), nx.star_graph(4), nx.hypercube_graph(3), nx.path_graph(2)],
    ids=["ring", "complete", "star", "hypercube", "pair"],
)
def test_where_there_are_many_it_is_one_of_them_and_always_the_same(reference):
    reference = nx.convert_node_labels_to_integers(reference, ordering="sorted")
    n = len(reference)
    v = fiedler(n, list(reference.edges))
    laplacian = nx.laplacian_matrix(reference, nodelist=range(n)).toarray()
    second = np.linalg.eigvalsh(laplacian)[1]
    np.testing.assert_allclose(laplacian @ v, second * v, atol=1e-9)
    assert np.linalg.norm(v) == pytest.approx(1)
    assert v.sum() == pytest.approx(0, abs=1e-9)
    # On a vertex-transitive graph none is larger at a single node than what the space has there, and the first is taken.
    if len({degree for _, degree in reference.degree}) == 1:
        assert v.argmax() == 0


def test_its_sign_does_not_matter(monkeypatch):
    seen = view(PATH, attacker=[0, 0, 0], victim=[0, 1, 2])
    attack = chosen("attack", "spectral", factor=2.0)
    plain = delivered(attack, seen)
    monkeypatch.setitem(seen.network._fiedler, (0, 1, 2), -seen.network.fiedler((0, 1, 2)))
    assert delivered(attack, seen).tolist() == plain.tolist()
