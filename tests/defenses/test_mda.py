"""MDA: the mean of the models with the least diameter."""

import math
from itertools import combinations

import numpy as np
import pytest
from helpers import aggregate, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.mda import Mda


def mda(f):
    return Mda(name="mda", f=f)


@pytest.mark.parametrize(
    ("f", "chosen", "mean"),
    [
        (0, [0, 1, 2, 3], -13),  # (10 + 14 + 4 + 12 - 105)/5
        (1, [0, 1, 2], 10),  # (10 + 14 + 4 + 12)/4, of diameter 10
        (2, [0, 2], 12),  # 10, 14 and 12, of diameter 4; 10, 4 and 12 have 8
    ],
)
def test_by_hand(f, chosen, mean):
    mix = aggregate(mda(f), one_node(10, [14, 4, 12, -105]))
    assert selected(mix) == chosen
    assert mix.models.item() == pytest.approx(mean, rel=1e-6)
    assert mix.weights.sum().item() == pytest.approx(len(chosen) / (len(chosen) + 1))


def test_the_own_model_may_be_dropped():
    mix = aggregate(mda(1), one_node(50, [1, 2, 3]))
    assert selected(mix) == [0, 1, 2]
    assert mix.models.item() == pytest.approx(2)


def test_of_equal_diameters_the_least_sum_of_squares_counts():
    # A square of side 3 in the plane, and a point off its middle. f = 1: dropping a corner leaves the other diagonal,
    # 18. The sums without each corner: the one farthest from the point at (2, 1) is (0, 3), at 8.
    mix = aggregate(mda(1), one_node([0, 0], [[3, 0], [3, 3], [0, 3], [2, 1]]))
    assert selected(mix) == [0, 1, 3]
    assert mix.models[0].tolist() == [2, 1]  # (0 + 3 + 3 + 2, 0 + 0 + 3 + 1)/4


def test_what_is_not_finite_counts_as_one_of_the_f():
    assert selected(aggregate(mda(1), one_node(0, [math.nan, 5, 100]))) == [1, 2]
    assert selected(aggregate(mda(2), one_node(0, [math.inf, 5, 100]))) == [1]
    mix = aggregate(mda(1), one_node(math.nan, [1, 2, 3]))
    assert selected(mix) == []
    assert mix.models.isnan().all()


def test_the_own_model_stays_where_all_neighbours_may_be_byzantine():
    mix = aggregate(mda(3), one_node(7, [1, 1, 1]))
    assert selected(mix) == []
    assert mix.models.item() == 7


@given(st.integers(1, 9), st.integers(0, 5), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 3, seed=seed)
    x = models.double().numpy()
    squared = ((x[:, None] - x) ** 2).sum(-1)
    keys = {
        subset: (squared[np.ix_(subset, subset)].max().round(9), squared[np.ix_(subset, subset)].sum())
        for subset in combinations(range(len(x)), max(1 + neighbours - f, 1))
    }
    mix = aggregate(mda(f), one_node(models[0].tolist(), models[1:].tolist()))
    np.testing.assert_allclose(mix.models[0], x[list(min(keys, key=keys.get))].mean(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lie", [1e30, -3e38])
def test_liars_far_away_change_nothing(lie):
    benign = random_models(6, 9)
    received = benign[1:].tolist()
    plain = aggregate(mda(0), one_node(benign[0].tolist(), received)).models
    lied = aggregate(mda(2), one_node(benign[0].tolist(), [[lie] * 9, *received, [-lie] * 9])).models
    np.testing.assert_allclose(lied, plain, rtol=1e-5, atol=1e-6)
