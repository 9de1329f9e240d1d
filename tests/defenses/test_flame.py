"""FLAME: the majority cluster of directions, clipped to the median length."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import HDBSCAN

from byzdl.defenses.flame import Flame, largest_cluster
from byzdl.random_streams import stream

RULE = Flame(name="flame")


def crowd(seed, benign, liars, d=20):
    """Models [p, d]: a benign crowd in one direction, and liars in random ones."""
    toward = 10 * random_models(1, d, seed=seed)
    return torch.cat([toward + random_models(benign, d, seed=seed + 1), 5 * random_models(liars, d, seed=seed + 2)])


def test_by_hand():
    # Three of five point to the right. Lengths are 3, 4, 1, 9 and 10, the median is 4: 3 and 4 count as they are, 10 as
    # 4.
    mix = aggregate(RULE, one_node([3, 0], [[4, 0], [0, 1], [0, -9], [10, 0]]))
    assert selected(mix) == [0, 3]
    assert mix.models[0].tolist() == pytest.approx([11 / 3, 0])


def test_the_own_model_may_be_the_outlier():
    mix = aggregate(RULE, one_node([0, 5], [[4, 0], [2, 0], [3, 0]]))
    assert selected(mix) == [0, 1, 2]
    # The median of 5, 4, 2 and 3 is 3.5.
    assert mix.models[0].tolist() == pytest.approx([8.5 / 3, 0])


@pytest.mark.parametrize("kind", ["models", "updates"])
def test_directions_are_those_of_models_or_of_updates(kind):
    # All models point the same way, but the last three moved there from elsewhere: (9, 0) is where the node was.
    inbox = one_node([10, 0], [[11, 0], [12, 0], [8, 0], [7, 0]])
    inbox = dataclasses.replace(inbox, before=torch.tensor([[9.0, 0.0]]))
    mix = aggregate(Flame(name="flame", cosines=kind), inbox)
    # Lengths are 1, 2, 3, 1 and 2, the median is 2.
    assert selected(mix) == ([0, 1, 2, 3] if kind == "models" else [0, 1])
    assert mix.models[0, 0].item() == pytest.approx(9 + (2 / 5 if kind == "models" else 5 / 3))


@given(st.integers(5, 9), st.integers(0, 3), st.integers(0, 99))
def test_a_crowd_is_clustered_clipped_and_averaged(benign, liars, seed):
    models = crowd(seed, benign, liars)
    mix = aggregate(RULE, one_node(models[0].tolist(), models[1:].tolist()))
    x, size = models.double().numpy(), len(models) // 2 + 1
    rule = HDBSCAN(min_cluster_size=size, min_samples=1, metric="cosine", allow_single_cluster=True, copy=True)
    found = rule.fit(x).labels_ == 0
    assert selected(mix) == np.flatnonzero(found[1:]).tolist()
    if found.any():
        lengths = np.linalg.norm(x, axis=1)
        clipped = x[found] * np.minimum(1, np.median(lengths) / lengths[found])[:, None]
        np.testing.assert_allclose(mix.models[0], clipped.mean(axis=0), rtol=1e-4, atol=1e-4)


def test_noise_is_that_of_the_node_and_the_round():
    models = crowd(0, 5, 1, d=4000)
    inbox = make_inbox([models[0].tolist()] * 2, [models[1:].tolist()] * 2)
    inbox = dataclasses.replace(inbox, nodes=(4, 7), round=3, seed=9)
    plain, noisy = (aggregate(Flame(name="flame", noise=noise), inbox).models for noise in (0.0, 0.01))
    spread = 0.01 * models.norm(dim=1).double().sort().values[2:4].mean().item()
    noise = noisy - plain
    assert noise.std().item() == pytest.approx(spread, rel=0.05)
    for row, node in zip(noise, (4, 7), strict=True):
        drawn = spread * stream(9, "defense", 3, node).standard_normal(4000, dtype=np.float32)
        np.testing.assert_allclose(row, drawn, rtol=1e-3, atol=1e-3 * spread)


def test_a_node_that_accepts_nobody_has_no_noise():
    mix = aggregate(Flame(name="flame", noise=1.0), make_inbox([[1, 2], [3, 4]], [[[math.nan, 1]], []]))
    assert mix.models.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_in_no_cluster(value):
    mix = aggregate(RULE, one_node([3, 0], [[value, 0], [4, 0], [value, value], [0, 7], [5, 0]]))
    assert selected(mix) == [1, 4]
    # Four count: lengths 3, 4, 7 and 5, of which the median is 4.5.
    assert mix.models[0].tolist() == pytest.approx([11.5 / 3, 0])
    assert not aggregate(RULE, one_node([value, 0], [[1, 0], [2, 0]])).models.isfinite().all()


def test_a_cluster_of_half_is_none():
    points = np.array([0.0, 0.1, 50.0, 50.1, 90.0, 130.0])
    distances = abs(points[:, None] - points)
    everyone = np.ones(6, dtype=bool)
    # No four of the six are a cluster of their own, so the whole is the only one.
    assert largest_cluster(distances, everyone).sum() in (0, *range(4, 7))
    assert largest_cluster(distances, np.array([True, True, False, False, True, False])).tolist() == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    assert not largest_cluster(distances, np.array([True] + [False] * 5)).any()
    assert not largest_cluster(distances, ~everyone).any()


def test_equal_models_are_a_cluster():
    assert selected(aggregate(RULE, one_node([1, 2], [[1, 2], [1, 2], [-1, 5]]))) == [0, 1]
    assert selected(aggregate(RULE, one_node([-1, 5], [[1, 2], [1, 2], [1, 2]]))) == [0, 1, 2]
