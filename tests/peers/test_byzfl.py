"""Rules and pre-steps beside ByzFL's, where it is installed: the pool is the own model and what was received.

The library `krum` is not compared with: it needs Python 3.12, and byzdl runs on 3.11.
"""

import inspect
import sys
from dataclasses import replace
from itertools import combinations

import pytest
import torch
from helpers import aggregate, chosen, make_inbox, random_models

from byzdl.defenses.caf import Caf
from byzdl.defenses.clipped_gossip import ClippedGossip
from byzdl.defenses.d_krum import DKrum
from byzdl.defenses.geometric_median import GeometricMedian
from byzdl.defenses.mda import Mda
from byzdl.defenses.meamed import Meamed
from byzdl.defenses.mean import Mean
from byzdl.defenses.median import Median
from byzdl.defenses.multi_krum import MultiKrum
from byzdl.defenses.nna import Nna
from byzdl.defenses.smea import Smea
from byzdl.defenses.trimmed_mean import TrimmedMean
from byzdl.preaggregation import blended

byzfl = pytest.importorskip("byzfl", reason="make peers installs it")

N, D = 11, 40


def models_of(seed, n=N):
    return random_models(n, D, seed=seed)


def inbox_of(models):
    """The first model's learner hears all others, at the weights of a complete graph."""
    own, *received = models.tolist()
    return make_inbox([own], [received], metropolis=[[1 / len(models)] * len(received)])


def assert_agree(rule, theirs, models, inbox=None, **tolerance):
    found = aggregate(rule, inbox_of(models) if inbox is None else inbox).models[0]
    torch.testing.assert_close(found, theirs(models), **{"rtol": 1e-4, "atol": 1e-5, **tolerance})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [0, 1, 3, 5])
def test_trimmed_mean_and_nna(f, seed):
    assert_agree(TrimmedMean(name="trimmed_mean", f=f), byzfl.TrMean(f=f), models_of(seed))
    assert_agree(Nna(name="nna", f=f), byzfl.MoNNA(f=f, idx=0), models_of(seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [N - 1, N])
def test_median_and_mean(n, seed):
    """Of an even number, too: ByzFL averages the middle two since it takes a quantile instead of torch.median."""
    assert_agree(Median(name="median"), byzfl.Median(), models_of(seed, n))
    assert_agree(Mean(name="mean"), byzfl.Average(), models_of(seed, n))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [1, 2, 4])
def test_krum_and_multi_krum(f, seed):
    """ByzFL sums the n - f - 1 nearest, Blanchard et al. and we n - f - 2: ours at f - 1 is theirs at f. The own is no candidate."""
    received = models_of(seed)
    inbox = inbox_of(torch.cat([torch.zeros(1, D), received]))
    assert_agree(DKrum(name="d_krum", f=f - 1, alpha=0.0), lambda x: byzfl.Krum(f=f)(received), None, inbox)
    multi = MultiKrum(name="multi_krum", f=f - 1, m=N - f, alpha=0.0)
    assert_agree(multi, lambda x: byzfl.MultiKrum(f=f)(received), None, inbox)


@pytest.mark.parametrize("seed", range(3))
def test_geometric_median(seed):
    """ByzFL starts at 0 and takes 3 steps by default; smoothing is absolute."""
    ours = GeometricMedian(name="geometric_median", steps=400, tolerance=0.0)
    assert_agree(ours, byzfl.GeometricMedian(nu=1e-6, T=400), models_of(seed), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tau", [0.5, 6.0, 100.0])
def test_centered_clipping(tau, seed):
    """ByzFL clips around a centre that it keeps, at first 0: ours with 0 for the own model, at weights 1/n."""
    models = torch.cat([torch.zeros(1, D), models_of(seed)[1:]])
    assert_agree(ClippedGossip(name="clipped_gossip", tau=tau), byzfl.CenteredClipping(L=1, tau=tau), models)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [0, 1, 3, 5])
def test_the_mean_around_the_median(f, seed):
    assert_agree(Meamed(name="meamed", f=f), byzfl.Meamed(f=f), models_of(seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [0, 1, 3, 5])
def test_minimum_diameter_averaging(f, seed):
    """Of several subsets of the least diameter, ByzFL takes the first, and we the one with the least sum of squares."""
    models = models_of(seed)
    found, theirs = aggregate(Mda(name="mda", f=f), inbox_of(models)).models[0], byzfl.MDA(f=f)(models)
    subsets = [list(subset) for subset in combinations(range(N), N - f)]
    means = torch.stack([models[subset].mean(0) for subset in subsets])
    diameters = [torch.cdist(models[subset], models[subset]).max().item() for subset in subsets]
    ours, other = ((means - mean).norm(dim=1).argmin().item() for mean in (found, theirs))
    assert diameters[ours] == pytest.approx(diameters[other], rel=1e-5) == min(diameters)
    models[1 : 1 + f] *= 50  # without these, there is one subset
    assert_agree(Mda(name="mda", f=f), byzfl.MDA(f=f), models)


def with_changes(kind, *changes):
    """A rule of ByzFL with changes in its source, each a pair of texts."""
    text = inspect.getsource(kind)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    changed = dict(vars(sys.modules[kind.__module__]))
    exec(text, changed)
    return changed[kind.__name__]


# ByzFL takes one step of the power method from a random vector, which is exact in one dimension alone.
TO_THE_END = ("max_iters=1", "max_iters=400")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("f", "n", "d"), [(1, N, 1), (3, N, 1), (1, 7, D), (2, 7, D)])
def test_smallest_maximum_eigenvalue_averaging(f, n, d, seed):
    theirs = byzfl.SMEA if d == 1 else with_changes(byzfl.SMEA, TO_THE_END)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert_agree(Smea(name="smea", f=f), theirs(f=f), random_models(n, d, seed=seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("far", [1, 1000])
@pytest.mark.parametrize("f", [1, 2, 3, 5])
def test_the_filter_on_the_covariance(f, far, seed):
    """ByzFL's largest tau may be that of a far model without weight. Then it takes hundreds of steps, and ours 2f."""
    changes = [TO_THE_END] if far == 1 else [TO_THE_END, ("tau.max()", "tau[c > 0].max()")]
    models = models_of(seed)
    models[1 : 1 + f] *= far
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert_agree(Caf(name="caf", f=f), with_changes(byzfl.CAF, *changes)(f=f), models)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("norm", [0.5, 6.0, 100.0])
def test_static_clipping(norm, seed):
    """ByzFL clips around 0: ours with 0 for the own model."""
    models = torch.cat([torch.zeros(1, D), models_of(seed)])
    after = blended(inbox_of(models), chosen("pre", "clip", norm=norm).blend(inbox_of(models)))
    torch.testing.assert_close(after.models, byzfl.Clipping(c=norm)(models.clone()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n", [2, 3, 6, 10, 20])
def test_adaptive_robust_clipping(n):
    """For every f up to half of n; ByzFL clips around 0: ours with 0 for the own model."""
    models = torch.cat([torch.zeros(1, D), models_of(n, n - 1) * torch.linspace(1, 4, n - 1)[:, None]])
    for f in range(n // 2 + 1):
        after = blended(inbox_of(models), chosen("pre", "arc", f=f).blend(inbox_of(models)))
        torch.testing.assert_close(after.models, byzfl.ARC(f=f)(models.clone()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [0, 2, 5])
def test_nearest_neighbour_mixing_alone_and_in_front_of_a_rule(f, seed):
    models = models_of(seed)
    after = blended(inbox_of(models), chosen("pre", "nnm", f=f).blend(inbox_of(models)))
    torch.testing.assert_close(after.models, byzfl.NNM(f=f)(models), rtol=1e-4, atol=1e-5)
    assert_agree(TrimmedMean(name="trimmed_mean", f=f), lambda x: byzfl.TrMean(f=f)(byzfl.NNM(f=f)(x)), models, after)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_bucketing_by_the_same_shuffle(size, monkeypatch):
    """ByzFL puts every vector that it is given into a bucket; here the own model is in none, so that a node is not averaged away."""
    models = models_of(0)
    blend = chosen("pre", "bucketing", size=size).blend(inbox_of(models))
    after = blended(inbox_of(models), blend)
    shuffle = (blend.shares[0, 1:, 1:] != 0).nonzero()[:, 1]  # who is in the first bucket, in the second, ...
    monkeypatch.setattr("byzfl.utils.torch_tools.permutation", lambda vectors: vectors[shuffle])
    torch.testing.assert_close(after.models[1:], byzfl.Bucketing(s=size)(models[1:]), rtol=1e-4, atol=1e-5)
    assert torch.equal(after.own, models[:1])


def test_buckets_are_as_random():
    """Who shares a bucket with whom: of six in pairs, each two once in five rounds."""
    rounds, received = 400, 6
    inbox = inbox_of(torch.cat([torch.zeros(1, received), torch.eye(received)]))
    ours, theirs = torch.zeros(received, received), torch.zeros(received, received)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for t in range(rounds):
            now = replace(inbox, round=t)
            for counts, buckets in (
                (ours, blended(now, chosen("pre", "bucketing").blend(now)).models[1:]),
                (theirs, byzfl.Bucketing(s=2)(torch.eye(received))),
            ):
                together = (buckets > 0).float()
                counts += together.T @ together
    expected = torch.where(torch.eye(received, dtype=torch.bool), 1.0, 1 / 5)
    for counts in (ours, theirs):
        torch.testing.assert_close(counts / rounds, expected, rtol=0, atol=0.08)  # four standard deviations
