"""Rules, attacks and splits beside scipy: distances, order statistics, searches and distributions that are not ours."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import aggregate, chosen, delivered, make_inbox, random_models, view_of
from scipy import linalg, optimize, spatial, stats

from byzdl.attacks.alie import Alie
from byzdl.defenses.trimmed_mean import TrimmedMean
from byzdl.preaggregation import blended


def pool_of(seed, p=9, d=30):
    """A pool as one learner's inbox, and in float64."""
    models = random_models(p, d, seed=seed)
    own, *received = models.tolist()
    return make_inbox([own], [received]), models.double().numpy()


def seen(benign):
    """One message to one victim."""
    nobody, first = benign[:0], torch.tensor([0])
    return view_of(benign, benign, nobody, byzantine=1, attacker=first, victim=first)


@pytest.mark.parametrize("seed", range(3))
def test_distances(seed):
    inbox, x = pool_of(seed)
    apart = spatial.distance.cdist(x, x)
    np.testing.assert_allclose(inbox.distances()[0], apart[0, 1:], rtol=1e-12)
    np.testing.assert_allclose(inbox.pairwise_distances()[0], apart[1:, 1:], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [0, 1, 3, 4])
def test_trimmed_mean(f, seed):
    inbox, x = pool_of(seed)
    # scipy takes a share and rounds f of p down.
    expected = stats.trim_mean(x, (f + 0.5) / len(x))
    np.testing.assert_allclose(aggregate(TrimmedMean(name="t", f=f), inbox).models[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [0, 2, 4])
def test_nearest_neighbour_mixing(f, seed):
    inbox, x = pool_of(seed)
    _, near = spatial.KDTree(x).query(x, k=len(x) - f)
    after = blended(inbox, chosen("pre", "nnm", f=f).blend(inbox))
    np.testing.assert_allclose(after.models, x[near].mean(1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("n", "byzantine"), [(10, 1), (10, 5), (25, 7), (100, 40)])
def test_z_of_a_little_is_enough(n, byzantine):
    benign = n - byzantine
    share = (benign - (math.floor(n / 2 + 1) - byzantine)) / benign
    assert Alie(name="alie", br=0.3).strength(n, byzantine) == pytest.approx(stats.norm.ppf(share), rel=1e-9)


@pytest.mark.parametrize("direction", ["std", "unit", "sign"])
@pytest.mark.parametrize("name", ["min_max", "min_sum"])
def test_the_largest_hidden_displacement_by_root_finding(name, direction):
    """gamma as a search finds it from distances alone; here it is the root of a quadratic."""
    benign = random_models(6, 30, seed=2)
    x = benign.double().numpy()
    mean = x.mean(0)
    p = -{"std": x.std(0), "unit": mean / linalg.norm(mean), "sign": np.sign(mean)}[direction]
    squared = spatial.distance.cdist(x, x, "sqeuclidean")
    worst = np.max if name == "min_max" else np.sum
    bound = squared.max() if name == "min_max" else squared.sum(1).max()
    gamma = optimize.brentq(lambda g: worst(((mean + g * p - x) ** 2).sum(1)) - bound, 0, 1000)
    (sent,) = delivered(chosen("attack", name, direction=direction), seen(benign))
    np.testing.assert_allclose(sent, mean + gamma * p, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_mimic_learns_the_leading_direction(seed):
    """Oja's rule finds what a singular value decomposition finds at once, where the models stay what they are."""
    benign = random_models(6, 30, seed=seed)
    attack = chosen("attack", "mimic", warmup=200)
    state = attack.init(*benign.shape)
    for t in range(200):
        state, messages = attack.send(state, replace(seen(benign), round=t))
    x = benign.double().numpy()
    leading = linalg.svd(x - x.mean(0))[2][0]
    assert abs(state.direction.numpy() @ leading) == pytest.approx(1, abs=1e-3)
    whom = np.abs((x - x.mean(0)) @ leading).argmax()
    assert torch.equal(messages.models[0], benign[whom])


def test_gaussian_noise_is_gaussian():
    wide = torch.ones(2, 5000)
    view = replace(seen(wide), benign_rows=torch.arange(2))
    sent = delivered(chosen("attack", "gaussian", std=3.0), view)[0].numpy()
    assert stats.kstest(sent, stats.norm(1, 3).cdf).pvalue > 0.01


@pytest.mark.parametrize(("name", "key"), [("dirichlet", "alpha"), ("quantity_skew", "beta")])
@pytest.mark.parametrize("value", [1.0, 4.0])
def test_a_nodes_share_has_the_marginal_of_a_dirichlet(name, key, value):
    """Beta(a, (n - 1) a), of one class as of all data."""
    n, rng, labels = 5, np.random.default_rng(0), np.zeros(1000, dtype=int)
    partition = chosen("partition", name, **{key: value})
    shares = np.array([[len(part) for part in partition.split(labels, n, rng)] for _ in range(2000)]) / len(labels)
    for node in range(n):
        # 20 such tests: one in fifty sets of them would have failed at this bound, if left to chance.
        assert stats.kstest(shares[:, node], stats.beta(value, (n - 1) * value).cdf).pvalue > 1e-3
