"""SMEA: the mean of the models whose covariance has the least top eigenvalue."""

import math
from itertools import combinations

import numpy as np
import pytest
from helpers import aggregate, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.smea import Smea


def smea(f):
    return Smea(name="smea", f=f)


@pytest.mark.parametrize(
    ("f", "chosen", "mean"),
    [
        (0, [0, 1, 2, 3], -13),
        (1, [0, 1, 2], 10),  # of 10, 14, 4 and 12 the variance is 14
        (2, [0, 2], 12),  # of 10, 14 and 12 it is 8/3; of 10, 4 and 12 it is 104/9
    ],
)
def test_by_hand_on_a_line(f, chosen, mean):
    mix = aggregate(smea(f), one_node(10, [14, 4, 12, -105]))
    assert selected(mix) == chosen
    assert mix.models.item() == pytest.approx(mean, rel=1e-6)


def test_the_variance_in_the_worst_direction_counts_and_not_its_sum():
    # Three of four. Scatter matrices around the mean, without (4, 0): 18 and 50/3 on the axes, so 18 is the top
    # eigenvalue. Without (0, 5): 86/3 on one axis. Without (3, 0): 74/3 and more. Without (-3, 0): [[26/3, -35/3],
    # [-35/3, 50/3]], whose top is 25. There the trace is the least, 76/3 against 104/3 without (4, 0).
    mix = aggregate(smea(1), one_node([-3, 0], [[3, 0], [4, 0], [0, 5]]))
    assert selected(mix) == [0, 2]
    assert mix.models[0].tolist() == pytest.approx([0, 5 / 3], abs=1e-6)


def test_what_is_not_finite_counts_as_one_of_the_f():
    assert selected(aggregate(smea(1), one_node(0, [math.nan, 5, 100]))) == [1, 2]
    assert selected(aggregate(smea(2), one_node(0, [math.inf, 5, 100]))) == [1]
    assert aggregate(smea(1), one_node(math.nan, [1, 2, 3])).models.isnan().all()


def test_the_own_model_stays_where_all_neighbours_may_be_byzantine():
    mix = aggregate(smea(3), one_node(7, [1, 1, 1]))
    assert selected(mix) == []
    assert mix.models.item() == 7


def test_each_learner_has_its_own_f():
    inbox = make_inbox([0, 0], [[1, 2, 9], [1, 2, 9]], byzantine=[[False] * 3, [False, False, True]])
    assert aggregate(smea("known"), inbox).models.flatten().tolist() == [3, 1]


@given(st.integers(1, 8), st.integers(0, 4), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 3, seed=seed)
    x = models.double().numpy()
    size = max(1 + neighbours - f, 1)
    tops = {
        subset: np.linalg.eigvalsh(np.cov(x[list(subset)].T, bias=True))[-1].round(9)
        for subset in combinations(range(len(x)), size)
    }
    mix = aggregate(smea(f), one_node(models[0].tolist(), models[1:].tolist()))
    np.testing.assert_allclose(mix.models[0], x[list(min(tops, key=tops.get))].mean(0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lie", [1e30, -3e38])
def test_liars_far_away_change_nothing(lie):
    benign = random_models(6, 9)
    received = benign[1:].tolist()
    plain = aggregate(smea(0), one_node(benign[0].tolist(), received)).models
    lied = aggregate(smea(2), one_node(benign[0].tolist(), [[lie] * 9, *received, [-lie] * 9])).models
    np.testing.assert_allclose(lied, plain, rtol=1e-5, atol=1e-6)
