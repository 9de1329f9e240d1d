"""IOS: the farthest from the weighted mean is dropped, again and again."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, graph, make_inbox, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.ios import Ios
from byzdl.exchange import Conditions


def ios(f):
    return Ios(name="ios", f=f)


def inbox_of(own, received, weights=None, byzantine=None):
    weights = weights or [1 / (1 + len(received))] * len(received)
    return make_inbox([own], [received], metropolis=[weights], byzantine=None if byzantine is None else [byzantine])


@pytest.mark.parametrize(
    ("f", "trusted", "mean"),
    [
        (0, [0, 1, 2, 3], 20),  # (0 + 10 + 4 + 6 + 80)/5
        (1, [0, 1, 2], 5),  # 80 is the farthest from 20
        (2, [1, 2], 10 / 3),  # of 0 | 10 4 6 the mean is 5: 10 and the own 0 are as far, and the own one stays
        (3, [1], 2),  # of 0 | 4 6 the mean is 10/3: 6 is the farther neighbour
        (4, [], 0),
    ],
)
def test_by_hand(f, trusted, mean):
    mix = aggregate(ios(f), inbox_of(0, [10, 4, 6, 80]))
    assert selected(mix) == trusted
    assert mix.models.item() == pytest.approx(mean, rel=1e-6)


def test_the_mean_moves_when_one_is_dropped():
    # Mean of 0, 1, 12, 15, 100 is 25.6; 100 goes. Mean of 0, 1, 12, 15 is 7: 15 (8 away) goes, not 1 (6).
    # By the first mean, 1 (24.6 away) would go.
    assert selected(aggregate(ios(2), inbox_of(0, [1, 12, 15, 100]))) == [0, 1]


def test_means_are_weighted_by_metropolis():
    # Own weight 1 - 0.5 - 0.25 = 0.25: mean 0.5 * 8 + 0.25 * -4 = 3; -4 (7 away) is farther than 8 (5 away).
    # The uniform mean is 4/3: 8 would go. Left: (0.25 * 0 + 0.5 * 8)/0.75 = 16/3.
    mix = aggregate(ios(1), inbox_of(0, [8, -4], [0.5, 0.25]))
    assert selected(mix) == [0]
    assert mix.models.item() == pytest.approx(16 / 3)
    assert mix.weights[0].tolist() == pytest.approx([2 / 3, 0])


def test_the_own_model_is_never_dropped():
    # The own 90 is the farthest from 22.5 and from 30.
    mix = aggregate(ios(1), inbox_of(90, [0, 0, 0]))
    assert selected(mix) == [0, 1]
    assert mix.models.item() == pytest.approx(30)


def test_what_is_not_finite_is_dropped_first_and_f_pays_for_it():
    assert selected(aggregate(ios(1), inbox_of(0, [math.nan, 1, 50]))) == [1, 2]
    assert selected(aggregate(ios(2), inbox_of(0, [math.nan, 1, 50]))) == [1]
    assert selected(aggregate(ios(0), inbox_of(0, [math.inf, 1, 50]))) == [1, 2]


def test_of_equally_far_ones_the_right_is_dropped():
    assert selected(aggregate(ios(1), inbox_of(0, [5, -5, 1, -1]))) == [0, 2, 3]


@pytest.mark.parametrize("d", [333, 1003])
def test_of_equal_models_the_right_is_dropped(d):
    own, *near, copied = random_models(5, d)
    received = [*[model.tolist() for model in near], *[(9 * copied).tolist()] * 3]
    # The mean leans towards the copies less than half of the way: they are the farthest, and equally so.
    assert selected(aggregate(ios(1), inbox_of(own.tolist(), received, [0.125] * 6))) == [0, 1, 2, 3, 4]


def test_known_f_and_a_learner_of_its_own_each():
    inbox = make_inbox(
        [0, 0],
        [[9, 1, 2], [9, 1]],
        byzantine=[[True, False, False], [True, True]],
        metropolis=[[0.25] * 3, [0.25] * 2],
    )
    mix = aggregate(ios("known"), inbox)
    assert [selected(mix, i) for i in range(2)] == [[1, 2], []]
    assert mix.models[1].item() == 0
    network = graph(3, [(0, 2), (0, 1)], byzantine=[1, 2])
    assert "these nodes mix nothing in" in ios("known").facts(Conditions(network))["warning"]


@pytest.mark.parametrize("lie", [1e30, 3e38])
def test_a_liar_far_away_changes_nothing(lie):
    benign = random_models(5, 9)
    plain = aggregate(ios(0), inbox_of(benign[0].tolist(), benign[1:].tolist(), [0.2] * 4)).models
    # Without the liar's 0.1, own and others weigh 0.18 each, in the same proportion.
    lied = aggregate(ios(1), inbox_of(benign[0].tolist(), [[lie] * 9, *benign[1:].tolist()], [0.1, *[0.18] * 4])).models
    torch.testing.assert_close(lied, plain)


@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 4, seed=seed)
    x = models.double().numpy()
    w = np.random.default_rng(seed).dirichlet(np.ones(1 + neighbours))
    trusted = list(range(1 + neighbours))
    for _ in range(min(f, neighbours)):
        mean = np.average(x[trusted], axis=0, weights=w[trusted])
        trusted.remove(max(trusted[1:], key=lambda j: np.linalg.norm(x[j] - mean)))
    mix = aggregate(ios(f), inbox_of(models[0].tolist(), models[1:].tolist(), w[1:].tolist()))
    assert [j + 1 for j in selected(mix)] == trusted[1:]
    np.testing.assert_allclose(mix.models[0], np.average(x[trusted], axis=0, weights=w[trusted]), rtol=1e-4, atol=1e-5)
