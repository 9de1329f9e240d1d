"""D_Krum: the received model nearest to other received ones, in squared distance."""

import math

import numpy as np
import pytest
from helpers import aggregate, chosen, graph, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError
from byzdl.defenses.d_krum import DKrum
from byzdl.exchange import Conditions


def krum(f, alpha=0.5):
    return DKrum(name="d_krum", f=f, alpha=alpha)


def test_distances_are_squared():
    # |N| = 6, f = 2: two nearest others count. At 0: distances 0 and 3, squares 0 + 9 = 9.
    # At 100: distances 2 and 2, squares 4 + 4 = 8, the least (98: 4 + 16; 102: 4 + 16; 3: 9 + 9).
    # The plain sums, 0 + 3 = 3 against 2 + 2 = 4, would select 0.
    mix = aggregate(krum(2), one_node(50, [0, 0, 3, 98, 100, 102]))
    assert selected(mix) == [4]
    assert mix.models.item() == 75


def test_distances_are_squared_once():
    # As above with 2.5 in the place of 3: squares 0 + 6.25 at 0 against 4 + 4 at 100. Squared a second
    # time it would be 39.1 against 32, and 100 would win.
    assert selected(aggregate(krum(2), one_node(50, [0, 0, 2.5, 98, 100, 102]))) == [0]


def test_the_own_model_is_not_a_candidate_nor_a_witness():
    # |N| = 4, f = 1: one nearest other. 1 and 1.5 are nearest to each other (0.25 each; the left is
    # taken). If the own 10 were in the pool, the model at 10 would have distance 0.
    assert selected(aggregate(krum(1), one_node(10, [10, 1, 1.5, 30]))) == [1]


def test_plain_distances_if_asked_for():
    # The first case above: 0 + 3 = 3 against 2 + 2 = 4.
    rule = DKrum(name="d_krum", f=2, distances="plain")
    assert selected(aggregate(rule, one_node(50, [0, 0, 3, 98, 100, 102]))) == [0]


def test_the_own_model_may_be_a_candidate_and_a_witness():
    # Of 10, 11, -1, 1 two nearest others: 1 + 81, 1 + 100, 4 + 121, 4 + 81: 10 wins. With the own 0 there are three:
    # 0: 1 + 1 + 100; 10: 1 + 81 + 100; 11: 1 + 100 + 121; -1: 1 + 4 + 121; 1: 1 + 4 + 81, the least.
    everybody = DKrum(name="d_krum", f=0, candidates="all")
    inbox = one_node(0, [10, 11, -1, 1])
    assert selected(aggregate(krum(0), inbox)) == [0]
    mix = aggregate(everybody, inbox)
    assert selected(mix) == [3]
    assert mix.models.item() == 0.5
    # Two nearest others. The own 5: 1 + 2.25; 4: 1 + 6.25; 6.5: 2.25 + 6.25. Nothing is mixed in.
    mix = aggregate(everybody, one_node(5, [4, 6.5, 30]))
    assert selected(mix) == []
    assert mix.models.item() == 5
    # A model of its own that has diverged is none.
    assert selected(aggregate(everybody, one_node(math.nan, [4, 6.5, 30]))) == [1]


def test_with_the_own_model_a_neighbour_less_is_enough():
    network = graph(4, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], byzantine=[3])  # f + 2 neighbours
    assert "|N_i| < f + 3 at 3 of 3" in krum("known").facts(Conditions(network))["warning"]
    assert "warning" not in DKrum(name="d_krum", candidates="all").facts(Conditions(network))
    assert "|N_i| < f + 2" in DKrum(name="d_krum", candidates="all", f=2).facts(Conditions(network))["warning"]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"candidates": "own"}, "defense.candidates is 'own', but must be one of 'received' or 'all'"),
        ({"distances": "cubed"}, "defense.distances is 'cubed', but must be one of 'squared' or 'plain'"),
    ],
)
def test_wrong_choices_are_refused(keys, says):
    with pytest.raises(ConfigError) as error:
        chosen("defense", "d_krum", **keys)
    assert str(error.value) == says


@pytest.mark.parametrize(
    ("f", "winner"),
    [
        # Candidates 0, 0, 10, 11, 12: |N| = 5.
        (0, 2),  # 3 nearest. 0: 0+100+121 = 221. 10: 1+4+100 = 105. 11: 1+1+121 = 123. 12: 1+4+144 = 149
        (1, 3),  # 2 nearest. 0: 0+100 = 100. 10: 1+4 = 5. 11: 1+1 = 2. 12: 1+4 = 5
        (2, 0),  # 1 nearest. 0: 0. 10, 11, 12: 1
        (3, 0),  # 5 - 3 - 2 = 0, of which max(0, 1) = 1 is made
        (4, 0),
    ],
)
def test_f_sets_the_number_of_nearest_others(f, winner):
    assert selected(aggregate(krum(f), one_node(5, [0, 0, 10, 11, 12]))) == [winner]


def test_known_f_is_the_number_of_byzantine_neighbours():
    # The case above with f = 1, whichever it is.
    inbox = one_node(5, [0, 0, 10, 11, 12], byzantine=[False, False, False, False, True])
    assert selected(aggregate(krum("known"), inbox)) == [3]


def test_known_f_differs_by_learner():
    inbox = make_inbox(
        [5, 5],
        [[0, 0, 10, 11, 12], [0, 0, 10, 11, 12]],
        byzantine=[[True, False, False, False, False], [True, True, False, False, False]],
    )
    mix = aggregate(krum("known"), inbox)
    assert [selected(mix, i) for i in range(2)] == [[3], [0]]


def test_the_left_of_equal_scores():
    assert selected(aggregate(krum(0), one_node(0, [9, 4, 5]))) == [1]


@pytest.mark.parametrize("d", [333, 1003])
@pytest.mark.parametrize("copies", [2, 4, 6])
@pytest.mark.parametrize("f", [0, 1, 2])
def test_the_left_of_equal_models(copies, d, f):
    """Copies of one model score the same, whatever the order in which their coordinates are summed."""
    copied, least, far, own = random_models(4, d)
    received = [0.1 * least, 2 * far, *[copied] * copies]
    inbox = one_node(own.tolist(), [model.tolist() for model in received])
    assert selected(aggregate(krum(f), inbox)) == [2]


def test_alpha_weighs_the_own_model():
    # The winner is the left of 4 and 4. 0.75 * 8 + 0.25 * 4 = 7
    assert aggregate(krum(0, alpha=0.75), one_node(8, [4, 4, 60])).models.item() == 7


def test_a_single_neighbour_is_taken_for_lack_of_others():
    assert aggregate(krum(0), one_node(0, [8])).models.item() == 4


def test_a_model_that_is_not_finite_is_neither_candidate_nor_witness():
    # Left: 0, 10, 11. |N| = 4 and f = 0 ask for 2 nearest others. 0: 100 + 121; 10: 1 + 100; 11: 1 + 121.
    mix = aggregate(krum(0), one_node(0, [math.nan, 0, 10, 11]))
    assert selected(mix) == [2]
    # Where only two are left, each has one other: a tie, and not an advantage for who has less to sum.
    assert selected(aggregate(krum(0), one_node(0, [math.inf, 3, -math.inf, 9]))) == [1]


def test_huge_finite_models_do_not_win_by_overflow():
    # |N| = 5, f = 0: three nearest others. 1, 2 and 3 have two near ones and one at distance 3e25: about
    # 9e50 each, and any of them will do. +-3e25 have three far ones: at least 2.7e51. In float32 the squares of 3e25 are infinite, and all scores would tie.
    (winner,) = selected(aggregate(krum(0), one_node(0, [3e25, -3e25, 1, 2, 3])))
    assert winner in (2, 3, 4)


def test_f_must_leave_somebody_to_choose():
    network = graph(4, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])  # node 1 has two neighbours, as has node 3
    krum(1).check(Conditions(network))
    with pytest.raises(ConfigError, match=r"defense\.f is 2, but must be .*below 2"):
        krum(2).check(Conditions(network))


def test_a_warning_names_the_nodes_with_too_few_neighbours():
    # |N_i| - f - 2 is 4 - 1 - 2 = 1 at node 0, but 2 - 1 - 2 = -1, 3 - 1 - 2 = 0 and 2 - 0 - 2 = 0 at nodes 1,
    # 2 and 3. Node 4 is the attacker, and node 5, which hears nobody, needs no warning.
    network = graph(6, [(0, 1), (0, 2), (0, 3), (0, 4), (1, 4), (2, 3), (2, 4)], byzantine=[4])
    facts = krum("known").facts(Conditions(network))
    assert facts["f"] == {0: 1, 1: 1, 2: 1, 3: 0, 5: 0}
    assert "|N_i| < f + 3 at 3 of 5 benign nodes (1, 2, 3): these nodes count one nearest other" in facts["warning"]
    # With f = 0, three neighbours are enough.
    assert "at 2 of 5 benign nodes (1, 3)" in krum(0).facts(Conditions(network))["warning"]
    everybody = graph(4, [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
    assert krum("known").facts(Conditions(everybody)) == {"f": {0: 0, 1: 0, 2: 0, 3: 0}}


points = st.lists(
    st.lists(st.integers(-30, 30), min_size=2, max_size=2), min_size=1, max_size=7, unique_by=lambda p: tuple(p)
)


@given(points, st.integers(0, 6))
def test_it_agrees_with_a_brute_force(models, f):
    x = np.array(models, dtype=float)
    count = max(len(x) - f - 2, 1)
    scores = []
    for j in range(len(x)):
        others = sorted(float(((x[j] - x[k]) ** 2).sum()) for k in range(len(x)) if k != j)
        scores.append(sum(others[:count]))
    mix = aggregate(krum(f), one_node([0, 0], models))
    (winner,) = selected(mix)
    # Of several best ones either implementation may name any; square roots and back cost some digits.
    assert scores[winner] == pytest.approx(min(scores), rel=1e-5)
    np.testing.assert_allclose(mix.models[0].numpy(), x[winner] / 2, rtol=1e-6)


@given(points, st.integers(-1000, 1000), st.sampled_from([0.25, 8.0]))
def test_it_moves_and_stretches_with_the_models(models, shift, factor):
    plain = aggregate(krum(0), one_node([0, 0], models))
    there = [[v * factor + shift for v in model] for model in models]
    moved = aggregate(krum(0), one_node([shift, shift], there))
    assert selected(moved) == selected(plain)
