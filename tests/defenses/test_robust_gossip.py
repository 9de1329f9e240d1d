"""CS+ and GTS: differences clipped, or the largest removed, by the weight of possibly Byzantine neighbours."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, graph, make_inbox, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.cs_plus import CsPlus
from byzdl.defenses.gts import Gts
from byzdl.defenses.mean import Mean
from byzdl.exchange import Conditions


def cs(f, eta=1.0):
    return CsPlus(name="cs_plus", f=f, eta=eta)


def gts(f, eta=1.0):
    return Gts(name="gts", f=f, eta=eta)


def inbox_of(own, received, weights=0.125, byzantine=None):
    weights = [weights] * len(received) if isinstance(weights, float) else weights
    return make_inbox([own], [received], metropolis=[weights], byzantine=None if byzantine is None else [byzantine])


@pytest.mark.parametrize(
    ("f", "weights", "result"),
    [
        (0, [0.125] * 5, -8),  # (8 + 4 - 12 + 16 - 80)/8
        (1, [0.125] * 4 + [0], 2),  # without -80: (8 + 4 - 12 + 16)/8
        (2, [0.125] * 3 + [0, 0], 0),
        (4, [0, 0.125, 0, 0, 0], 0.5),  # only 4
    ],
)
def test_gts_by_hand(f, weights, result):
    mix = aggregate(gts(f), inbox_of(0, [8, 4, -12, 16, -80]))
    assert mix.weights[0].tolist() == pytest.approx(weights)
    assert selected(mix) == [j for j, w in enumerate(weights) if w]
    assert mix.models.item() == pytest.approx(result)


def test_the_one_at_the_border_counts_in_part():
    # f = 1 may weigh F = 0.25, the heaviest, in all 0.5. In order of distance: 1 (0.125), 2 (0.25), 8 (0.125).
    # 0.5 - 0.25 = 0.25 stay: all of the first, 0.125 of the second. 0.125 * 1 + 0.125 * 2 = 0.375.
    mix = aggregate(gts(1), inbox_of(0, [8, 2, 1], [0.125, 0.25, 0.125]))
    assert mix.weights[0].tolist() == pytest.approx([0, 0.125, 0.125])
    assert mix.models.item() == pytest.approx(0.375)


def test_differences_are_from_the_own_model_and_eta_is_the_step():
    # 10 + 0.5 * (4 - 2)/8; 30 is removed.
    assert aggregate(gts(1, eta=0.5), inbox_of(10, [14, 8, 30])).models.item() == 10.125
    # Clipped to 2, the nearest of three: 10 + 0.5 * (2 - 2 + 2)/8.
    assert aggregate(cs(1, eta=0.5), inbox_of(10, [14, 8, 30])).models.item() == 10.125


@pytest.mark.parametrize(
    ("f", "tau", "result"),
    [
        (0, 80, -8),
        (1, 12, 0),  # norms 4 8 12 16 80, two are beyond 12: (8 + 4 - 12 + 12 - 12)/8
        (2, 4, 0.5),  # (4 + 4 - 4 + 4 - 4)/8
        (3, 0, 0),
    ],
)
def test_cs_plus_by_hand(f, tau, result):
    received = [8, 4, -12, 16, -80]
    mix = aggregate(cs(f), inbox_of(0, received))
    assert mix.models.item() == pytest.approx(result, abs=1e-6)
    assert mix.weights[0].tolist() == pytest.approx([0.125 * min(1, tau / abs(x)) for x in received])
    assert bool(selected(mix)) == (tau > 0)


def test_the_threshold_of_cs_plus_goes_by_weight():
    # All weigh 0.625, f = 1 at most 0.25: 0.125 remain within. In order: 1 (0.125), 2 (0.25), 8 (0.25): tau = 1.
    # Twice one of three neighbours would be tau = 1, too; with weights 0.25, 0.125, 0.25 nothing is within.
    assert aggregate(cs(1), inbox_of(0, [8, 2, 1], [0.25, 0.25, 0.125])).weights[0].tolist() == pytest.approx(
        [0.03125, 0.125, 0.125]
    )
    assert not selected(aggregate(cs(1), inbox_of(0, [8, 2, 1], [0.25, 0.125, 0.25])))


def test_known_f_is_the_number_of_byzantine_neighbours():
    # f is a number, not a list of names: the near attacker is accepted.
    mix = aggregate(gts("known"), inbox_of(0, [1, 2, 9], byzantine=[True, False, False]))
    assert selected(mix) == [0, 1]
    mix = aggregate(cs("known"), inbox_of(0, [1, 2, 9], byzantine=[True, False, False]))
    assert mix.models.item() == pytest.approx(3 / 8)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_the_farthest(value):
    assert selected(aggregate(gts(1), inbox_of(0, [value, 3, 4]))) == [1, 2]
    assert selected(aggregate(gts(0), inbox_of(0, [value, 3, 4]))) == [1, 2]
    # Beyond 3 lie 4 and what is not finite.
    assert aggregate(cs(1), inbox_of(0, [value, 3, 4])).weights[0].tolist() == pytest.approx([0, 0.125, 0.125 * 0.75])


def test_the_right_of_equally_far_is_removed():
    assert selected(aggregate(gts(1), inbox_of(0, [2, -2, 2]))) == [0, 1]


def test_a_warning_names_the_nodes_that_mix_nothing_in():
    network = graph(4, [(0, 1), (0, 2), (3, 1), (3, 0)], byzantine=[1])  # |N_0| = 3, |N_3| = 2, f = 1
    assert (
        "|N_i| < 2f + 1 at 1 of 3 benign nodes (3): these nodes mix nothing in"
        in cs("known").facts(Conditions(network))["warning"]
    )
    assert "warning" not in gts("known").facts(Conditions(network))
    assert not selected(aggregate(cs(1), inbox_of(0, [1, 2])))


@pytest.mark.parametrize("rule", [cs(1), gts(1)], ids=["cs_plus", "gts"])
@pytest.mark.parametrize("lie", [1e30, -3e38])
def test_a_liar_moves_no_node_farther_than_its_neighbours_lie(rule, lie):
    benign = random_models(5, 9)
    received = [*benign[1:].tolist(), [lie] * 9]
    result = aggregate(rule, inbox_of(benign[0].tolist(), received, 0.16)).models[0]
    assert (result - benign[0]).norm() <= 0.8 * (benign[1:] - benign[0]).norm(dim=1).max() + 1e-5


@given(st.integers(1, 8), st.integers(0, 99))
def test_without_byzantine_neighbours_they_are_plain_gossip(neighbours, seed):
    models = random_models(1 + neighbours, 4, seed=seed)
    w = np.random.default_rng(seed).dirichlet(np.ones(1 + neighbours))[1:].tolist()
    inbox = inbox_of(models[0].tolist(), models[1:].tolist(), w)
    expected = aggregate(Mean(name="mean"), inbox).models
    for rule in (cs(0), gts(0)):
        torch.testing.assert_close(aggregate(rule, inbox).models, expected)


@given(st.integers(1, 8), st.integers(0, 4), st.integers(0, 99))
def test_they_agree_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 4, seed=seed)
    w = np.random.default_rng(seed).dirichlet(np.ones(1 + neighbours))[1:].astype(np.float32).astype(float)
    x = models.double().numpy()
    difference = x[1:] - x[0]
    norm = np.linalg.norm(difference, axis=1)
    may = np.sort(w)[::-1][:f].sum()
    # GTS: take weight away from the largest on.
    left, lose = w.copy(), may
    for j in np.argsort(-norm):
        left[j] = max(w[j] - lose, 0)
        lose -= w[j] - left[j]
    # CS+: the largest norm with at most this weight up to it.
    fits = [t for t in norm if w[norm <= t].sum() <= w.sum() - 2 * may + 1e-9]
    tau = max(fits, default=0)
    clip = np.minimum(1, tau / norm)
    inbox = inbox_of(models[0].tolist(), models[1:].tolist(), w.tolist())
    for rule, expected in ((gts(f), left @ difference), (cs(f), (w * clip) @ difference)):
        np.testing.assert_allclose(aggregate(rule, inbox).models[0], x[0] + expected, rtol=1e-4, atol=1e-5)
