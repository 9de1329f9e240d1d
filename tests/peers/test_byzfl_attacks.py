"""Attacks beside ByzFL's, where it is installed.

ByzFL attacks gradients, which are of the size of an update; byzdl attacks models. The two meet where the models before
the local step are 0, so that an update is the model after it.
"""

import math
from dataclasses import replace

import pytest
import torch
from helpers import chosen, delivered, random_models, view_of
from scipy.stats import ks_2samp

from byzdl.exchange import Mix

byzfl = pytest.importorskip("byzfl", reason="make peers installs it")

ZERO = torch.tensor([0])
HONEST = random_models(7, 40, seed=3) + 1


def seen(own=None):
    """One message to one victim; everybody's model before the local step was 0."""
    return view_of(
        HONEST,
        torch.zeros_like(HONEST),
        HONEST[:0] if own is None else own,
        byzantine=1,
        attacker=ZERO,
        victim=ZERO,
    )


def sent(name, view=None, **keys):
    return delivered(chosen("attack", name, **keys), seen() if view is None else view)[0]


@pytest.mark.parametrize("of", ["updates", "models"])
@pytest.mark.parametrize("epsilon", [0.1, 2.0])
def test_inner_product_manipulation(epsilon, of):
    """tau is epsilon. Of models that have come far from 0, `models` is ByzFL's formula, `updates` (the default) its meaning."""
    theirs = byzfl.InnerProductManipulation(tau=epsilon)(HONEST)
    torch.testing.assert_close(sent("ipm", epsilon=epsilon, of=of), theirs)


def test_sign_flipping():
    """ByzFL flips the mean of the honest, here each attacker flips its own update, for it knows no other: alike if that is the mean."""
    torch.testing.assert_close(sent("sign_flip", seen(HONEST.mean(0, keepdim=True))), byzfl.SignFlipping()(HONEST))


@pytest.mark.parametrize("z", [0.2, 1.5])
def test_a_little_is_enough(z):
    """ByzFL adds tau sigma, and takes the sample's sigma; eq. 9-10 subtract z sigma, and take the population's."""
    h = len(HONEST)
    theirs = byzfl.ALittleIsEnough(tau=-z * math.sqrt((h - 1) / h))(HONEST)
    torch.testing.assert_close(sent("alie", z=z), theirs)


def test_mimic():
    """ByzFL is told whom to copy; here it is learnt who stands farthest out, as the attack's authors have it."""
    far = HONEST.clone()
    far[4] *= 5
    view = replace(seen(), after=far)
    torch.testing.assert_close(sent("mimic", view), byzfl.Mimic(epsilon=4)(far))


def test_infinity():
    """ByzFL's is float64 whatever it is given."""
    assert torch.equal(sent("nonfinite", value="inf"), byzfl.Inf()(HONEST).float())


def test_gaussian():
    """ByzFL's noise is around mu, by default 0; here it is around the honest mean, as Blanchard et al. have it for gradients."""
    wide = torch.zeros(2, 5000)
    view = replace(seen(), before=wide, after=wide, benign_rows=torch.arange(2))
    ours = sent("gaussian", view, std=3.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = byzfl.Gaussian(mu=0.0, sigma=3.0)(wide)
    assert ks_2samp(ours.numpy(), theirs.numpy()).pvalue > 0.01


F = 3
RULES = {
    "trimmed mean": lambda: byzfl.TrMean(f=F),
    "median": lambda: byzfl.Median(),
    # Of its 3 steps by default, which start at 0, not much is left where what is sent is 1e7: that is no rule's weakness.
    "geometric median": lambda: byzfl.GeometricMedian(T=100),
    "krum": lambda: byzfl.Krum(f=F),
    "multi-krum": lambda: byzfl.MultiKrum(f=F),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("name", "sign"), [("opt_alie", -1), ("opt_ipm", 1)])
def test_a_searched_strength_does_as_much_harm(name, sign, rule, seed):
    """Both against ByzFL's rules, among eight honest and three attackers, counted as the distance from the honest mean.

    ByzFL's Opt-ALIE goes up, mean + tau sigma, and ours down: on mirrored models theirs goes where ours does. It has the sample's
    sigma, ours the population's, which the strength makes up for. It climbs from 0 in steps of 10 that double while the harm
    grows, then shrink; ours goes up a ladder, and finds what lies behind a valley. Between two rungs there may be a little more.
    """
    honest, aggregate = random_models(8, 40, seed=seed) + 1, RULES[rule]()

    def together(model):
        return aggregate(torch.cat([honest, model.expand(F, -1)]))

    def harm(model):
        return (together(model) - honest.mean(0)).norm().item()

    def rehearse(roster, trials, knowledge):
        return [Mix(together(messages.models[0]).expand_as(honest)) for messages in trials]

    view = replace(
        view_of(honest, torch.zeros_like(honest), honest[:0], byzantine=F, attacker=ZERO, victim=ZERO),
        rehearsal=rehearse,
    )
    theirs = {"opt_alie": byzfl.Optimal_ALittleIsEnough, "opt_ipm": byzfl.Optimal_InnerProductManipulation}[name]
    found = sign * theirs(aggregate, pre_agg_list=[], f=F)(sign * honest)
    assert harm(sent(name, view, trials=40)) > 0.95 * harm(found)
