"""Sums over long vectors, against numpy's on whole ones."""

import math

import numpy as np
import pytest
import torch
from helpers import random_models

from byzdl.vectors import blocks
from byzdl.vectors.blocks import (
    consensus_distance,
    differences,
    finite,
    gathered,
    pairwise_squared,
    squared_distances,
)

ROWS = torch.tensor([[1, 2, 3], [0, 2, 5], [4, 4, 1]])  # of six models, for three learners


@pytest.fixture(params=[2**18, 64, 1], ids=["few blocks", "some", "a block a coordinate"])
def block(request, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", request.param)
    monkeypatch.setattr(blocks, "SORTED", request.param)
    monkeypatch.setattr(blocks, "LINE", 4)
    monkeypatch.setattr(blocks, "WIDTH", 4)


def squared(models, rows):
    x = models.double().numpy()[rows.numpy()]
    return ((x[:, :, None] - x[:, None]) ** 2).sum(-1)


@pytest.mark.parametrize("d", [1, 7, 33])
def test_differences_come_once_each(block, d):
    models = random_models(6, d)
    total, products = np.zeros((3, 3)), np.zeros((3, 3))
    for part, difference in differences(models, ROWS, torch.arange(3)):
        assert difference.dtype == torch.float64
        total[part] += difference.sum(2).numpy()
        products[part] += difference.square().sum(2).numpy()
    x = models.double().numpy()
    expected = x[ROWS.numpy()] - x[:3, None]
    np.testing.assert_allclose(total, expected.sum(2), atol=1e-12)
    np.testing.assert_allclose(products, (expected**2).sum(2), rtol=1e-12)


@pytest.mark.parametrize("d", [1, 4810, 4161, 20_001])
@pytest.mark.parametrize("k", [1, 6, 9])
@pytest.mark.parametrize("waits", [False, True])
def test_distances_in_copies_of_the_learners_are_those_of_each_by_itself(monkeypatch, d, k, waits):
    models, origins = random_models(14, d), torch.arange(8)
    rows = torch.arange(8 * k).view(8, k) % 11  # of 8 learners, and of three messages
    copies = torch.cat([rows + i * (rows >= 8) for i in range(4)])
    monkeypatch.setattr(blocks, "waits", lambda values: waits)
    found = squared_distances(models, copies, origins.repeat(4), copies=4)
    x = models.double().numpy()
    expected = ((x[copies.numpy()] - np.tile(x[:8], (4, 1))[:, None]) ** 2).sum(2)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    if not waits:
        singly = [squared_distances(models, copies[8 * i : 8 * i + 8], origins) for i in range(4)]
        assert torch.equal(found, torch.cat(singly))


@pytest.mark.parametrize("large", [False, True], ids=["all pairs", "by learner"])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
def test_pairwise_distances_are_numpys_at_every_distance_from_the_origin(block, large, shift):
    models, rows = random_models(46 if large else 6, 33) + shift, ROWS + 40 * large
    np.testing.assert_allclose(pairwise_squared(models, rows), squared(models, rows), rtol=1e-6)


@pytest.mark.parametrize("large", [False, True], ids=["all pairs", "by learner"])
def test_near_models_far_from_all_others_keep_their_distance(large):
    """Colluders that all but agree, 10^4 away: their own distances are what a rule goes by."""
    models, rows = random_models(46 if large else 6, 33), ROWS + 40 * large
    models[rows[0]] = 1e4 + random_models(3, 33, seed=1)
    np.testing.assert_allclose(pairwise_squared(models, rows)[0], squared(models, rows)[0], rtol=1e-6)


@pytest.mark.parametrize("large", [False, True], ids=["all pairs", "by learner"])
def test_distances_are_symmetric_to_the_bit_and_0_to_itself(large):
    models, rows = random_models(46 if large else 6, 1000, spread=1e3), ROWS + 40 * large
    found = pairwise_squared(models, rows)
    assert torch.equal(found, found.mT)
    assert not found.diagonal(dim1=1, dim2=2).any()
    assert found[2, 0, 1] == 0  # learner 2 has the same model from two neighbours
    assert (found >= 0).all()


@pytest.mark.parametrize("large", [False, True], ids=["all pairs", "by learner"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_spoils_its_own_distances_alone(large, bad):
    models, rows = random_models(46 if large else 6, 33), ROWS + 40 * large
    models[rows[0, 1]] = bad
    found, expected = pairwise_squared(models, rows), squared(models.nan_to_num(0, 0, 0), rows)
    np.testing.assert_allclose(found[0][[0, 2]][:, [0, 2]], expected[0][[0, 2]][:, [0, 2]], rtol=1e-6)
    assert not found[0, 0, 1].isfinite()


@pytest.mark.parametrize("large", [False, True], ids=["all pairs", "by learner"])
@pytest.mark.parametrize("d", [1000, 1053, 30003])
@pytest.mark.parametrize("copies", [5, 9, 10])
def test_the_distance_between_equal_values_is_0(large, d, copies):
    models = random_models(90 if large else 2 + copies, d)
    models[1] *= 0.1
    models[2 : 2 + copies] = models[2].clone()
    (found,) = pairwise_squared(models, torch.arange(1, 2 + copies)[None])
    assert not found[1:, 1:].any()
    assert (found[0, 1:] > 0).all()


@pytest.mark.parametrize("large", [False, True], ids=["all pairs", "by learner"])
@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf, 3e38, 1e12])
def test_an_own_model_that_diverged_costs_the_received_ones_no_digit(large, lost):
    models, rows = random_models(46 if large else 6, 33), ROWS + 40 * large
    models[:3] = lost  # the learners' own
    rows = rows.clamp(min=3)
    np.testing.assert_allclose(pairwise_squared(models, rows), squared(models, rows), rtol=1e-6)


@pytest.mark.parametrize("large", [False, True], ids=["all pairs", "by learner"])
@pytest.mark.parametrize("factor", [1e-40, 1e38])
def test_pairwise_distances_neither_overflow_nor_vanish(large, factor):
    """Where every finite model is so large that its float32 norm overflows, an infinite one is no centre."""
    models, rows = random_models(46 if large else 6, 33).clamp(-3, 3) * factor, ROWS + 40 * large
    models[0] = math.inf
    rows = rows.clamp(min=1)
    np.testing.assert_allclose(pairwise_squared(models, rows), squared(models, rows), rtol=1e-6)


@pytest.mark.parametrize("d", [1, 3, 1000])
def test_a_model_is_finite_if_all_of_its_values_are(d):
    models = torch.ones(7, d)
    models[1, d // 2], models[2, -1], models[3, 0] = math.nan, math.inf, -math.inf
    models[4, :] = 3e38  # as large as float32 can be, everywhere
    models[5, :], models[5, -1] = math.inf, -math.inf
    models[6, :] = 1e-45
    assert finite(models).tolist() == [True, False, False, False, True, False, True]


def test_consensus_distance_is_the_same_in_blocks(block):
    models, rows = random_models(6, 33) + 100, torch.tensor([0, 2, 3, 5])
    x = models.double().numpy()[rows.numpy()]
    expected = ((x - x.mean(0)) ** 2).sum(1).mean()
    assert consensus_distance(models, rows) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("d", [1, 7, 33])
def test_gathered_blocks_make_up_the_whole(block, d):
    models, among = random_models(6, d), torch.ones_like(ROWS, dtype=torch.bool)
    models[3], among[0, 2] = math.nan, False
    whole = torch.full((3, 3, d), math.nan)
    for part, columns, values in gathered(models, ROWS, among):
        whole[:, part, columns] = values
        values.fill_(0)  # a copy
    assert (whole[2, 0] == torch.finfo(torch.float32).max).all()
    whole[2, 0] = models[3]
    assert torch.equal(whole.nan_to_num(), models[ROWS.T].nan_to_num())
