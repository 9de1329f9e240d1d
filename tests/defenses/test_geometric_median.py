"""The geometric median: the point with the least sum of distances."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from scipy.optimize import minimize

from byzdl.defenses.geometric_median import GeometricMedian

RULE = GeometricMedian(name="geometric_median")
EXACT = GeometricMedian(name="geometric_median", steps=400, tolerance=1e-7, smoothing=1e-9)


def inbox_of(models):
    own, *received = models.tolist()
    return one_node(own, received)


def cost(z, models):
    return np.linalg.norm(np.asarray(z, dtype=float) - models.double().numpy(), axis=1).sum()


def test_a_triangle_by_hand():
    # (+-1, 0) and (0, 3): every side is seen at 120 degrees from (0, 1/sqrt 3): unit vectors to (+-1, 0) are
    # (+-sqrt 3 / 2, -1/2), to (0, 3) it is (0, 1), and the three add up to 0.
    mix = aggregate(RULE, one_node([-1, 0], [[1, 0], [0, 3]]))
    assert mix.models[0].tolist() == pytest.approx([0, 1 / math.sqrt(3)], abs=1e-4)
    # Weights go by one over the distance: 2/sqrt 3 twice, and 3 - 1/sqrt 3.
    inverse = np.array([math.sqrt(3) / 2, math.sqrt(3) / 2, 1 / (3 - 1 / math.sqrt(3))])
    assert mix.weights[0].tolist() == pytest.approx((inverse / inverse.sum())[1:].tolist(), abs=1e-4)
    assert selected(mix) == [0, 1]


def test_a_square_by_hand():
    # Where the diagonals meet, whatever the corners' distances.
    mix = aggregate(EXACT, one_node([-1, 0], [[5, 0], [0, -2], [0, 1]]))
    assert mix.models[0].tolist() == pytest.approx([0, 0], abs=1e-4)


def test_on_a_line_it_is_the_median():
    assert aggregate(EXACT, one_node(0, [1, 3, 10, 100])).models.item() == pytest.approx(3, abs=1e-4)


def test_a_wide_angle_ends_at_a_model():
    # At (0, 0.1) the other two are seen at more than 120 degrees: it is the median itself.
    mix = aggregate(EXACT, one_node([-1, 0], [[1, 0], [0, 0.1]]))
    assert mix.models[0].tolist() == pytest.approx([0, 0.1], abs=1e-4)


def test_a_majority_of_copies_is_the_median():
    mix = aggregate(RULE, one_node([0, 0], [[3, 4], [3, 4], [3, 4], [90, 7]]))
    assert mix.models[0].tolist() == pytest.approx([3, 4], rel=1e-6)


def test_what_is_not_finite_is_absent():
    mix = aggregate(EXACT, one_node(0, [math.nan, 1, 10, -math.inf]))
    assert mix.models.item() == pytest.approx(1, abs=1e-4)
    assert selected(mix) == [1, 2]


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_an_own_model_that_is_not_finite_is_kept(lost):
    mix = aggregate(RULE, one_node([lost, 1.0], [[1, 2], [3, 4], [5, 6]]))
    assert not mix.models[0, 0].isfinite()
    assert mix.models[0, 1] == 1
    assert selected(mix) == []


def test_a_node_alone_keeps_its_model_and_each_learner_counts_for_itself():
    inbox = make_inbox([[0.1, 0.3], [-1, 0]], [[], [[1, 0], [0, 3]]])
    mix = aggregate(RULE, inbox)
    assert torch.equal(mix.models[0], inbox.own[0])
    assert mix.models[1].tolist() == pytest.approx([0, 1 / math.sqrt(3)], abs=1e-4)


@given(st.integers(2, 9), st.integers(2, 5), st.integers(0, 99))
@budget(max_examples=12)
def test_no_point_has_a_smaller_sum_of_distances(neighbours, d, seed):
    models = random_models(1 + neighbours, d, seed=seed)
    found = aggregate(EXACT, inbox_of(models)).models[0]
    x = models.double().numpy()

    def smooth(z):  # differentiable everywhere, and by 1e-6 a model too large at most
        norms = np.sqrt(((z - x) ** 2).sum(1) + 1e-12)
        return norms.sum(), ((z - x) / norms[:, None]).sum(0)

    best = minimize(smooth, x.mean(0), jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-10}).fun
    assert cost(found, models) <= best * (1 + 1e-5)
    # With the defaults, too, if not to as many digits.
    assert cost(aggregate(RULE, inbox_of(models)).models[0], models) <= best * (1 + 1e-4)


@pytest.mark.parametrize("liars", [1, 2, 4])
@pytest.mark.parametrize("lie", [1e30, -3e38, 1e6])
def test_a_minority_moves_it_no_farther_than_the_bound(liars, lie):
    benign = random_models(5, 9)
    honest = aggregate(EXACT, inbox_of(benign)).models[0]
    lied = aggregate(RULE, inbox_of(torch.cat([benign, torch.full((liars, 9), lie)]))).models[0]
    # Of p models with q liars: ||z - z*|| <= 2 (p - q)/(p - 2q) max ||x - z*||.
    reach = (benign - honest).norm(dim=1).max()
    assert (lied - honest).norm() <= 2 * 5 / (5 - liars) * reach
    if liars == 1:
        # In fact it is the median of the benign and a pull of length 1 in the liars' direction.
        x = benign.double().numpy()
        pull = np.sign(lie) * np.ones(9) / 3

        def pulled(z):
            return np.linalg.norm(z - x, axis=1).sum() - z @ pull

        best = minimize(pulled, x.mean(0), method="BFGS").fun
        # A liar at 1e6 is not infinitely far.
        assert pulled(lied.double().numpy()) == pytest.approx(best, rel=1e-3)


@budget(max_examples=15)
@given(st.integers(2, 7), st.integers(0, 30), st.integers(-100, 100), st.sampled_from([0.25, -8.0]))
def test_it_moves_and_stretches_with_the_models(neighbours, seed, shift, factor):
    models = random_models(1 + neighbours, 3, seed=seed)
    plain = aggregate(RULE, inbox_of(models)).models
    moved = aggregate(RULE, inbox_of(models * factor + shift)).models
    torch.testing.assert_close(moved, plain * factor + shift, rtol=1e-4, atol=1e-3 * abs(factor))
