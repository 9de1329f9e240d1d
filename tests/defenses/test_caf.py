"""CAF: weights that fall with the distance along the direction of largest variance."""

import math

import numpy as np
import pytest
from helpers import aggregate, graph, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.caf import Caf
from byzdl.exchange import Conditions


def caf(f):
    return Caf(name="caf", f=f)


def brute_force(x, f):
    """The rule by covariances of models [n, d], as it is written."""
    c, least, best = np.ones(len(x)), math.inf, x.mean(0)
    while c.sum() > max(len(x) - 2 * f, 1) + 1e-9:
        mean = np.average(x, axis=0, weights=c)
        values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(x.T, aweights=c, ddof=0)))
        if values[-1] < least:
            least, best = values[-1], mean
        tau = ((x - mean) @ vectors[:, -1]) ** 2
        c = c * (1 - tau / tau[c > 0].max())
        c[c < 1e-9] = 0
    return best


def test_by_hand():
    # The mean of -1, 1, 0, 0 and 10 is 2, the variance 82/5. The squares 9, 1, 4, 4 and 64 leave the weights 55, 63,
    # 60, 60 and 0, of 64: in all 238/64, above 5 - 2. Their mean is 8/238, at a variance of 118/238 - (8/238)^2. The
    # squares are 1.0684, 0.9338, 0.0011 and 0.0011, and leave about 0, 0.124, 0.936 and 0.936: below 3, so no variance
    # is computed.
    mix = aggregate(caf(1), one_node(-1, [1, 0, 0, 10]))
    assert mix.models.item() == pytest.approx(8 / 238, rel=1e-5)
    assert selected(mix) == [0, 1, 2]
    assert mix.weights[0].tolist() == pytest.approx([63 / 238, 60 / 238, 60 / 238, 0])


def test_only_the_direction_of_largest_variance_counts():
    # Variances of 32/6 and 2/6 on the axes: both models at 4 lose their weight, the four others none. 4 is 6 - 2, the
    # end.
    inbox = one_node([0, 0], [[4, 0], [-4, 0], [0, 1], [0, -1], [0, 0]])
    assert aggregate(caf(1), inbox).models[0].tolist() == pytest.approx([0, 0], abs=1e-6)
    # With f = 2, the second step is along the other axis, at the least variance. Nothing is left of the first two.
    mix = aggregate(caf(2), inbox)
    assert selected(mix) == [2, 3, 4]
    assert mix.weights[0].tolist() == pytest.approx([0, 0, 0.25, 0.25, 0.25])


def test_without_byzantine_neighbours_it_is_the_mean():
    inbox = make_inbox([0, 0], [[1, 2, 9], [1, 2, 9]], byzantine=[[False] * 3, [False, False, True]])
    first, second = aggregate(caf("known"), inbox).models.flatten().tolist()
    assert first == pytest.approx(3)
    # The mean 3, squares 9, 4, 1 and 36: weights of 27, 32, 35 and 0, of 36, with the mean (32 + 70)/94.
    assert second == pytest.approx(102 / 94)


def test_equal_models_stay_and_equal_liars_go_together():
    assert aggregate(caf(1), one_node(3, [3, 3, 3])).models.item() == 3
    mix = aggregate(caf(2), one_node([0.1, 0.2], [[0.1, 0.2], [0.1, 0.2], [0.7, 0.9], [0.7, 0.9]]))
    assert selected(mix) == [0, 1]


def test_what_is_not_finite_has_no_weight():
    mix = aggregate(caf(1), one_node(-1, [math.nan, 1, 0, 0, 10]))
    # Of six models with the weights 0 and 1, 1, 1, 1, 1, the sum is above 6 - 2, after the first step it is not.
    assert selected(mix) == [1, 2, 3, 4]
    assert mix.models.item() == pytest.approx(2)
    assert aggregate(caf(1), one_node(math.nan, [1, 2, 3])).models.isnan().all()
    assert aggregate(caf(1), one_node(5, [math.inf])).models.item() == 5


def test_a_warning_names_the_nodes_with_too_few_neighbours():
    network = graph(4, [(0, 1), (0, 2), (1, 2), (2, 3), (1, 3)], byzantine=[1, 2])
    warning = caf("known").facts(Conditions(network))["warning"]
    assert "|N_i| < 2f at 2 of 2 benign nodes (0, 3): at these nodes the steps end" in warning


@given(st.integers(1, 10), st.integers(0, 6), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 3, seed=seed)
    found = aggregate(caf(f), one_node(models[0].tolist(), models[1:].tolist())).models[0]
    np.testing.assert_allclose(found, brute_force(models.double().numpy(), f), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lie", [1e6, 1e30, -3e38])
def test_liars_far_away_have_no_weight(lie):
    benign = random_models(6, 9)
    mix = aggregate(caf(2), one_node(benign[0].tolist(), [[lie] * 9, *benign[1:].tolist(), [-lie] * 9]))
    assert 0 not in selected(mix)
    assert 6 not in selected(mix)
    assert (mix.models[0] >= benign.amin(0)).all()
    assert (mix.models[0] <= benign.amax(0)).all()
