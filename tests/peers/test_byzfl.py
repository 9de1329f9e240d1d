"""The same rules as ByzFL's, where it is installed: the pool is the own model and what was received."""

import pytest
import torch
from helpers import aggregate, make_inbox, random_models

from byzdl.defenses.clipped_gossip import ClippedGossip
from byzdl.defenses.d_krum import DKrum
from byzdl.defenses.geometric_median import GeometricMedian
from byzdl.defenses.median import Median
from byzdl.defenses.multi_krum import MultiKrum
from byzdl.defenses.nna import Nna
from byzdl.defenses.trimmed_mean import TrimmedMean

byzfl = pytest.importorskip("byzfl")

N, D = 11, 40  # an odd number: ByzFL's median of an even one is torch's, the lower of the middle two


def models_of(seed, n=N):
    return random_models(n, D, seed=seed)


def inbox_of(models, weight=1 / N):
    own, *received = models.tolist()
    return make_inbox([own], [received], metropolis=[[weight] * len(received)])


def agree(rule, theirs, models, inbox=None, **tolerance):
    found = aggregate(rule, inbox_of(models) if inbox is None else inbox).models[0]
    torch.testing.assert_close(found, theirs(models), **{"rtol": 1e-4, "atol": 1e-5, **tolerance})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [0, 1, 3, 5])
def test_trimmed_mean_and_nna(f, seed):
    agree(TrimmedMean(name="trimmed_mean", f=f), byzfl.TrMean(f=f), models_of(seed))
    agree(Nna(name="nna", f=f), byzfl.MoNNA(f=f, idx=0), models_of(seed))


@pytest.mark.parametrize("seed", range(3))
def test_median(seed):
    agree(Median(name="median"), byzfl.Median(), models_of(seed))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("f", [1, 2, 4])
def test_krum_and_multi_krum(f, seed):
    """ByzFL sums the n - f - 1 nearest, Blanchard et al. and we n - f - 2: ours at f - 1 is theirs at f. The own is no candidate."""
    received = models_of(seed)
    inbox = inbox_of(torch.cat([torch.zeros(1, D), received]))
    agree(DKrum(name="d_krum", f=f - 1, alpha=0.0), lambda x: byzfl.Krum(f=f)(received), None, inbox)
    multi = MultiKrum(name="multi_krum", f=f - 1, m=N - f, alpha=0.0)
    agree(multi, lambda x: byzfl.MultiKrum(f=f)(received), None, inbox)


@pytest.mark.parametrize("seed", range(3))
def test_geometric_median(seed):
    """ByzFL starts at 0 and takes 3 steps by default; smoothing is absolute."""
    ours = GeometricMedian(name="geometric_median", steps=400, tolerance=0.0)
    agree(ours, byzfl.GeometricMedian(nu=1e-6, T=400), models_of(seed), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tau", [0.5, 6.0, 100.0])
def test_centered_clipping(tau, seed):
    """ByzFL clips around a centre that it keeps, at first 0: ours with 0 for the own model, at weights 1/n."""
    models = torch.cat([torch.zeros(1, D), models_of(seed)[1:]])
    agree(ClippedGossip(name="clipped_gossip", tau=tau), byzfl.CenteredClipping(L=1, tau=tau), models)
