"""Mean shift, as scikit-learn has it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import MeanShift, estimate_bandwidth

from byzdl.vectors.mean_shift import bandwidths, mean_shift


def everyone(points):
    return torch.ones(points.shape[:2], dtype=torch.bool)


def partition(labels):
    """The sets of points with the same label, without -1."""
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(np.asarray(labels).tolist()) - {-1}}


def rows(seed, count, spread):
    """Points in a few clouds of different size."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 1, (3, 3))[rng.integers(0, 3, count)] + spread * rng.standard_normal((count, 3))


@given(st.integers(4, 30), st.floats(0.01, 0.5), st.integers(0, 999))
def test_it_agrees_with_scikit_learn(count, spread, seed):
    x = rows(seed, count, spread)
    points = torch.from_numpy(x)[None]
    bandwidth = bandwidths(points, everyone(points))
    expected = estimate_bandwidth(x, quantile=0.5)
    assert bandwidth.item() == pytest.approx(expected, rel=1e-6)
    found = mean_shift(points, everyone(points), bandwidth)[0].numpy()
    theirs = MeanShift(bandwidth=expected, cluster_all=False).fit(x).labels_
    assert partition(found) == partition(theirs)


@given(st.integers(4, 12), st.integers(1, 6), st.integers(0, 99))
def test_points_that_do_not_count_and_other_rows_play_no_part(count, more, seed):
    x = rows(seed, count, 0.2)
    padded = np.concatenate([x, np.full((more, 3), 0.5)])
    points = torch.from_numpy(np.stack([padded, rows(seed + 1, count + more, 0.3)]))
    among = torch.arange(count + more) < torch.tensor([[count], [count + more]])
    found = mean_shift(points, among, bandwidths(points, among))
    alone = torch.from_numpy(x)[None]
    expected = mean_shift(alone, everyone(alone), bandwidths(alone, everyone(alone)))
    assert partition(found[0].numpy()) == partition(expected[0].numpy())
    assert (found[0, count:] == -1).all()


def test_the_order_of_points_plays_no_part():
    for seed in range(30):
        x = np.round(rows(seed, 8, 0.2), 1)  # on a grid, with ties
        order = np.random.default_rng(seed).permutation(8)
        first, second = (
            mean_shift(points, everyone(points), bandwidths(points, everyone(points)))[0].numpy()
            for points in (torch.from_numpy(x)[None], torch.from_numpy(x[order])[None])
        )
        assert {frozenset(order[list(part)].tolist()) for part in partition(second)} == partition(first)


def test_without_a_bandwidth_only_equal_points_are_together():
    points = torch.tensor([[[0.1], [0.2], [0.1], [0.1], [0.7]]], dtype=torch.float64)
    found = mean_shift(points, everyone(points), torch.zeros(1, dtype=torch.float64))[0].numpy()
    assert partition(found) == {frozenset({0, 2, 3}), frozenset({1}), frozenset({4})}


def test_one_and_nobody():
    points, among = torch.zeros(2, 1, 3), torch.tensor([[True], [False]])
    assert bandwidths(points, among).tolist() == [0, 0]
    assert mean_shift(points, among, torch.zeros(2)).tolist() == [[0], [-1]]
