"""Bulyan: repeated Krum, then a mean around the median."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, graph, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.bulyan import Bulyan
from byzdl.exchange import Conditions
from byzdl.vectors import blocks


def rule(f, alpha=0.0):
    return Bulyan(name="bulyan", f=f, alpha=alpha)


def brute_force(x, f):
    """The selected of models [k, d], and their result."""
    k = len(x)
    squared = ((x[:, None] - x) ** 2).sum(-1)
    left, chosen = list(range(k)), []
    while left and len(chosen) < max(k - 2 * f, 1):
        count = max(len(left) - f - 2, 1)
        scores = {j: (sum(sorted(squared[j, i] for i in left if i != j)[:count]), squared[j].sum()) for j in left}
        nearly = [j for j in left if scores[j][0] <= min(s for s, _ in scores.values()) * (1 + 1e-9)]
        winner = min(nearly, key=lambda j: scores[j][1])
        left.remove(winner)
        chosen.append(winner)
    best = np.sort(x[chosen], axis=0)
    beta = max(len(chosen) - 2 * f, 1)
    order = np.argsort(np.abs(best - np.median(best, axis=0)), axis=0, kind="stable")[:beta]
    return sorted(chosen), np.take_along_axis(best, order, axis=0).mean(0)


def test_by_hand():
    # f = 1, |N| = 7: five are selected, and three of their values averaged.
    # Round 1, four nearest others count. 0: 1+4+16+49 = 70; 1: 1+1+9+36 = 47; 2: 1+4+4+25 = 34;
    # 4: 4+9+9+16 = 38; 7: 9+25+36+49 = 119; 90 and -50 are far. 2 wins.
    # Of 0 1 4 7 90 -50, three count: 0: 1+16+49 = 66; 1: 1+9+36 = 46; 4: 9+9+16 = 34; 7: 9+36+49 = 94. 4 wins.
    # Of 0 1 7 90 -50, two count: 0: 1+49 = 50; 1: 1+36 = 37; 7: 36+49 = 85. 1 wins.
    # Of 0 7 90 -50, one counts: 0 and 7 tie at 49. Sums over all received: 0: 1+4+16+49+8100+2500 = 10670;
    # 7: 49+36+25+9+6889+3249 = 10257. 7 wins. Of 0 90 -50: 0 at 2500 and -50 tie; 0 is nearer to all.
    # Selected: 2 4 1 7 0, of median 2: the closest three are 2, 1, and, as 0 and 4 are both 2 away, the smaller.
    inbox = one_node(99, [0, 90, 1, 2, -50, 4, 7])
    mix = aggregate(rule(1), inbox)
    assert selected(mix) == [0, 2, 3, 5, 6]
    assert mix.models.item() == pytest.approx(1)
    assert mix.weights is None
    # 0.25 * 99 + 0.75 * 1
    assert aggregate(rule(1, alpha=0.25), inbox).models.item() == 25.5


def test_the_median_is_of_each_coordinate_and_averages_the_middle_two():
    # f = 0: everybody is selected, and every value averaged: 12/4 and 20/4.
    inbox = one_node([0, 0], [[1, 8], [2, 4], [3, 2], [6, 6]])
    assert aggregate(rule(0), inbox).models[0].tolist() == [3, 5]
    # |N| = 6, f = 1: four are selected, two averaged. 50 and 60 are left out: their scores are above 1000.
    # First coordinates 0 1 2 9: the median is 1.5, the closest two 1 and 2. Second: 0 3 4 5: 3.5, 3 and 4.
    inbox = one_node([0, 0], [[0, 5], [50, 50], [1, 0], [2, 3], [9, 4], [60, -60]])
    mix = aggregate(rule(1), inbox)
    assert selected(mix) == [0, 2, 3, 4]
    assert mix.models[0].tolist() == [1.5, 3.5]


def test_too_few_neighbours_leave_one():
    # |N| = 3, f = 2: one is selected, the winner of D_Krum: 4 and 5 are the nearest to each other. Sums over all
    # received: 4: 1 + 36; 5: 1 + 25.
    mix = aggregate(rule(2), one_node(0, [10, 4, 5]))
    assert selected(mix) == [2]
    assert mix.models.item() == 5
    network = graph(7, [(0, j) for j in range(1, 7)], byzantine=[1])
    assert (
        "|N_i| < 4f + 3 at 6 of 6 benign nodes (0, 2, 3, 4, 5, 6)"
        in rule("known").facts(Conditions(network))["warning"]
    )


def test_what_is_not_finite_is_no_candidate():
    # Five of seven are wanted, f = 1, and exactly five came in.
    mix = aggregate(rule(1), one_node(0, [math.nan, 0, 1, 2, math.inf, 4, 7]))
    assert selected(mix) == [1, 2, 3, 5, 6]
    assert mix.models.item() == pytest.approx(1)
    # Of three that came in, all are selected; 3 - 2 = 1 value, the median.
    assert aggregate(rule(1), one_node(0, [math.nan, 0, 1, 5, *[math.inf] * 3])).models.item() == 1


def test_a_diverged_own_model_is_gone_at_alpha_0():
    assert aggregate(rule(0), one_node(math.nan, [2, 4])).models.item() == 3
    assert aggregate(rule(0), one_node(math.nan, [math.nan])).models.isnan().all()


def test_each_learner_has_its_own_f():
    inbox = make_inbox([0, 0], [[0, 6, 9], [0, 6, 9]], byzantine=[[False] * 3, [True, False, False]])
    # f = 0: (0 + 6 + 9)/3. f = 1: one is selected: 6 and 9 tie at 9, 6 is nearer to all (45 < 90).
    assert aggregate(rule("known"), inbox).models.flatten().tolist() == [5, 6]


@given(st.integers(1, 12), st.integers(0, 3), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 3, seed=seed)
    chosen, expected = brute_force(models[1:].double().numpy(), f)
    mix = aggregate(rule(f), one_node(models[0].tolist(), models[1:].tolist()))
    assert selected(mix) == chosen
    np.testing.assert_allclose(mix.models[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_of_values_as_near_to_the_median_the_lower_one_counts(seed):
    # Many coordinates of few different values, beside one that decides the selection.
    numbers = np.random.default_rng(seed).integers(-2, 3, (12, 200)).astype(np.float32)
    numbers[:, 0] = np.random.default_rng(seed).normal(size=12) * 100
    for f in 1, 2:
        chosen, expected = brute_force(numbers[1:].astype(float), f)
        mix = aggregate(rule(f), one_node(numbers[0].tolist(), numbers[1:].tolist()))
        assert selected(mix) == chosen
        np.testing.assert_allclose(mix.models[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("lie", [1e30, -3e38])
def test_liars_leave_every_coordinate_within_the_benign(lie):
    benign = random_models(9, 50)
    # |N| = 11 = 4f + 3. One liar in one coordinate alone, the attack that Bulyan is made for, and one in all.
    hidden = benign.mean(0)
    hidden[7] += 3
    received = [*benign.tolist(), hidden.tolist(), [lie] * 50]
    model = aggregate(rule(2), one_node([0.0] * 50, received)).models[0]
    assert (model >= benign.amin(0)).all()
    assert (model <= benign.amax(0)).all()


@given(st.lists(st.integers(-40, 40), min_size=7, max_size=9, unique=True), st.integers(-500, 500))
def test_it_moves_with_the_models(values, shift):
    plain = aggregate(rule(1), one_node(0, values)).models.item()
    moved = aggregate(rule(1), one_node(shift, [v + shift for v in values])).models.item()
    assert moved == pytest.approx(plain + shift, rel=1e-5, abs=1e-4)


def test_blocks_make_no_difference(monkeypatch):
    own, mail = random_models(2, 40), random_models(14, 40, seed=1).reshape(2, 7, 40)
    inbox = make_inbox(own.tolist(), [mail[0].tolist(), mail[1, :5].tolist()])
    whole = aggregate(rule(1), inbox).models
    monkeypatch.setattr(blocks, "SORTED", 16)
    monkeypatch.setattr(blocks, "WIDTH", 3)
    torch.testing.assert_close(aggregate(rule(1), inbox).models, whole)
