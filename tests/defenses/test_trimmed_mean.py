"""BRIDGE-T and BRIDGE-M: the middle of each coordinate."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, graph, make_inbox, one_node, random_models
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.median import Median
from byzdl.defenses.trimmed_mean import TrimmedMean
from byzdl.exchange import Conditions
from byzdl.vectors import blocks

MEDIAN = Median(name="median")


def trimmed(f):
    return TrimmedMean(name="trimmed_mean", f=f)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (0, [12, 2]),  # (0 + 1 + 5 + 9 + 45)/5; (10 - 30 + 20 + 3 + 7)/5
        (1, [5, 20 / 3]),  # of 0 | 1 5 9 | 45: 15/3; of -30 | 3 7 10 | 20: 20/3
        (2, [5, 7]),  # what is left is the median
    ],
)
def test_by_hand(f, expected):
    inbox = one_node([5, 10], [[0, -30], [45, 20], [1, 3], [9, 7]])
    assert aggregate(trimmed(f), inbox).models[0].tolist() == pytest.approx(expected, rel=1e-6)


def test_the_own_value_is_ranked_with_the_others():
    # 100 | 1 2 3 | -> own 100 is the largest of 1 2 3 100: (2 + 3)/2. Were it kept: (2 + 100)/2.
    assert aggregate(trimmed(1), one_node(100, [1, 2, 3])).models.item() == 2.5


def test_more_than_there_is_to_trim_leaves_the_median():
    # Four values and f = 2, or 3: the middle two of 0 2 6 50.
    for f in (2, 3):
        assert aggregate(trimmed(f), one_node(6, [0, 2, 50])).models.item() == 4


def test_known_f_is_the_number_of_byzantine_neighbours_of_each_node():
    # 0 3 6 9 21: f = 0 gives 39/5, f = 1 gives 18/3, f = 2 gives 6.
    inbox = make_inbox(
        [0] * 3, [[3, 6, 9, 21]] * 3, byzantine=[[False] * 4, [True, False, False, False], [True, False, True, False]]
    )
    assert aggregate(trimmed("known"), inbox).models.flatten().tolist() == pytest.approx([7.8, 6, 6])


def test_what_is_not_finite_is_absent_and_f_stays():
    # Left: 0 2 6 13 and f = 1: (2 + 6)/2. Were NaN or infinity ranked, the largest to be dropped would be it.
    for value in (math.nan, math.inf, -math.inf):
        assert aggregate(trimmed(1), one_node(0, [value, 2, 13, 6])).models.item() == 4


def test_a_warning_names_the_nodes_that_take_the_median():
    # Two neighbours and one attacker among them at 0; three at 1, as 2f + 1 asks for.
    network = graph(5, [(0, 1), (0, 4), (1, 2), (1, 4)], byzantine=[4])
    facts = trimmed("known").facts(Conditions(network))
    assert facts["f"] == {0: 1, 1: 1, 2: 0, 3: 0}
    assert "|N_i| < 2f + 1 at 1 of 4 benign nodes (0): these nodes take the median" in facts["warning"]


@pytest.mark.parametrize(
    ("own", "received", "expected"),
    [
        (5, [1, 9], 5),
        (5, [1, 9, 7], 6),  # the mean of the middle two, 5 and 7; the lower one is 5
        (100, [1, 2, 3, 4], 3),
        (7, [], 7),
        (8, [4], 6),
        (3e38, [3e38, 3e38, -3e38], 3e38),  # whose sum is no float32
    ],
)
def test_median_by_hand(own, received, expected):
    assert aggregate(MEDIAN, one_node(own, received)).models.item() == pytest.approx(expected, rel=1e-6)


def test_median_is_of_each_coordinate_for_itself():
    # No model holds (2, 2).
    assert aggregate(MEDIAN, one_node([1, 2], [[2, 9], [50, 1]])).models[0].tolist() == [2, 2]


@pytest.mark.parametrize("rule", [MEDIAN, trimmed(1)], ids=["median", "trimmed_mean"])
@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_an_own_model_that_is_not_finite_is_kept(rule, lost):
    model = aggregate(rule, one_node([lost, 1.0], [[1, 2], [3, 4], [5, 6]])).models[0]
    assert not model[0].isfinite()
    assert model[1] == 1


def test_they_report_no_selection():
    for rule in (MEDIAN, trimmed(1)):
        mix = aggregate(rule, one_node(0, [1, 2, 3]))
        assert (mix.selected, mix.weights, mix.fallback) == (None, None, None)


@pytest.mark.parametrize("rule", [MEDIAN, trimmed(2)], ids=["median", "trimmed_mean"])
@pytest.mark.parametrize("lie", [1e30, -1e30, 0.0])
def test_a_tolerated_minority_stays_within_the_benign(rule, lie):
    benign = random_models(4, 9, seed=3)
    models = aggregate(rule, one_node(benign[0].tolist(), [*benign[1:].tolist(), [lie] * 9, [lie] * 9])).models[0]
    assert (models >= benign.amin(0)).all()
    assert (models <= benign.amax(0)).all()


@given(st.integers(1, 8), st.integers(0, 4), st.integers(0, 99))
def test_they_agree_with_numpy(neighbours, f, seed):
    models = random_models(1 + neighbours, 5, seed=seed)
    inbox = one_node(models[0].tolist(), models[1:].tolist())
    ranked = np.sort(models.double().numpy(), axis=0)
    np.testing.assert_allclose(aggregate(MEDIAN, inbox).models[0], np.median(ranked, axis=0), rtol=1e-6)
    expected = ranked[f : len(ranked) - f].mean(0) if 2 * f < len(ranked) else np.median(ranked, axis=0)
    np.testing.assert_allclose(aggregate(trimmed(f), inbox).models[0], expected, rtol=1e-5, atol=1e-7)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=7), st.integers(-1000, 1000), st.sampled_from([-2, 0.5, 4]))
def test_they_move_and_stretch_with_the_models(values, shift, factor):
    for rule in (MEDIAN, trimmed(1)):
        plain = aggregate(rule, one_node(3, values)).models.item()
        moved = aggregate(rule, one_node(3 * factor + shift, [v * factor + shift for v in values])).models.item()
        assert moved == pytest.approx(plain * factor + shift, rel=1e-5, abs=1e-4)


def test_blocks_make_no_difference(monkeypatch):
    own, mail = random_models(3, 40), random_models(12, 40, seed=1).reshape(3, 4, 40)
    inbox = make_inbox(own.tolist(), [mail[0].tolist(), mail[1, :2].tolist(), mail[2, :3].tolist()])
    whole = [aggregate(rule, inbox).models for rule in (MEDIAN, trimmed(1))]
    monkeypatch.setattr(blocks, "SORTED", 16)
    monkeypatch.setattr(blocks, "WIDTH", 3)
    assert all(
        torch.equal(aggregate(rule, inbox).models, w) for rule, w in zip((MEDIAN, trimmed(1)), whole, strict=True)
    )
