"""MoNNA's aggregation: the mean of the nearest, own model included."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, graph, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.nna import Nna
from byzdl.exchange import Conditions


def nna(f):
    return Nna(name="nna", f=f)


@pytest.mark.parametrize(
    ("f", "nearest", "mean"),
    [
        (0, [0, 1, 2, 3], 20),  # (10 + 14 + 4 + 12 + 60)/5
        (1, [0, 1, 2], 10),  # without 60: (10 + 14 + 4 + 12)/4
        (2, [0, 2], 12),  # distances 4, 6, 2, 50: (10 + 14 + 12)/3
        (3, [2], 11),
    ],
)
def test_by_hand(f, nearest, mean):
    mix = aggregate(nna(f), one_node(10, [14, 4, 12, 60]))
    assert selected(mix) == nearest
    assert mix.models.item() == pytest.approx(mean, rel=1e-6)
    assert mix.weights.sum().item() == pytest.approx(len(nearest) / (len(nearest) + 1))


def test_known_f_is_the_number_of_byzantine_neighbours_of_each_node():
    inbox = make_inbox([0, 0], [[1, 2, 3]] * 2, byzantine=[[False, True, False], [True, True, True]])
    mix = aggregate(nna("known"), inbox)
    assert [selected(mix, i) for i in range(2)] == [[0, 1], []]
    assert mix.models.flatten().tolist() == [1, 0]


def test_what_is_not_finite_is_the_farthest_and_never_in():
    assert selected(aggregate(nna(1), one_node(0, [math.nan, 5, 100]))) == [1, 2]
    assert selected(aggregate(nna(0), one_node(0, [math.inf, 5, 100]))) == [1, 2]


def test_the_left_of_equally_near():
    assert selected(aggregate(nna(2), one_node(0, [5, -3, 3]))) == [1]


def test_a_warning_names_the_nodes_that_mix_nothing_in():
    network = graph(3, [(0, 2), (0, 1)], byzantine=[1, 2])
    assert (
        "|N_i| < f + 1 at 1 of 1 benign nodes (0): these nodes mix nothing in"
        in nna("known").facts(Conditions(network))["warning"]
    )


@pytest.mark.parametrize("lie", [1e30, -1e30])
def test_liars_far_away_change_nothing(lie):
    benign = random_models(5, 9)
    plain = aggregate(nna(0), one_node(benign[0].tolist(), benign[1:].tolist())).models
    lied = aggregate(nna(2), one_node(benign[0].tolist(), [[lie] * 9, *benign[1:].tolist(), [-lie] * 9])).models
    torch.testing.assert_close(lied, plain)


@given(st.integers(1, 8), st.integers(0, 8), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 4, seed=seed)
    x = models.double().numpy()
    order = np.argsort(np.linalg.norm(x - x[0], axis=1))
    expected = x[order[: max(1 + neighbours - f, 1)]].mean(0)
    found = aggregate(nna(f), one_node(models[0].tolist(), models[1:].tolist())).models[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
