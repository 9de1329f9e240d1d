"""Clipped gossip: differences no longer than tau."""

import math

import pytest
import torch
from helpers import aggregate, chosen, graph, make_inbox, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError
from byzdl.defenses.clipped_gossip import ClippedGossip
from byzdl.defenses.mean import Mean
from byzdl.exchange import Conditions


def rule(tau, f="known"):
    return ClippedGossip(name="clipped_gossip", tau=tau, f=f)


def inbox_of(own, received, weights=0.125, byzantine=()):
    weights = [weights] * len(received) if isinstance(weights, float) else weights
    flags = [j in byzantine for j in range(len(received))]
    return make_inbox([own], [received], metropolis=[weights], byzantine=[flags])


@pytest.mark.parametrize(
    ("tau", "result"),
    [
        (100, 10 - 7),  # (8 - 4 + 20 - 80)/8 = -7
        (20, 10 + 0.5),  # (8 - 4 + 20 - 20)/8
        (6, 10 + 0.25),  # (6 - 4 + 6 - 6)/8
        (0, 10),
    ],
)
def test_a_number_by_hand(tau, result):
    assert aggregate(rule(tau), inbox_of(10, [18, 6, 30, -70])).models.item() == pytest.approx(result)


def test_the_norm_is_that_of_the_whole_difference():
    # ||(3, 4)|| = 5, clipped to 2.5: half of it, weighed by 1/4. (1, 1) is shorter than that.
    mix = aggregate(rule(2.5), inbox_of([0, 0], [[3, 4], [1, 1]], 0.25))
    assert mix.models[0].tolist() == pytest.approx([0.375 + 0.25, 0.5 + 0.25])
    assert mix.weights[0].tolist() == pytest.approx([0.125, 0.25])
    assert selected(mix) == [0, 1]


def test_theory_by_hand():
    # Good: distances 1 and 2, weights 1/8 and 1/4: 1/8 + 4/4 = 9/8. Bad: weight 1/8. tau^2 = 9, tau = 3.
    # 1/8 - 2/4 + 3/8 = 0.
    mix = aggregate(rule("theory"), inbox_of(0, [1, -2, 60], [0.125, 0.25, 0.125], byzantine=[2]))
    assert mix.weights[0].tolist() == pytest.approx([0.125, 0.25, 0.125 / 20])
    assert mix.models.item() == pytest.approx(0, abs=1e-6)


def test_theory_clips_nothing_where_nobody_is_bad():
    assert aggregate(rule("theory"), inbox_of(0, [8, 80])).models.item() == 11


def test_theory_mixes_nothing_where_nobody_is_good():
    mix = aggregate(rule("theory"), inbox_of(5, [8, 80], byzantine=[0, 1]))
    assert mix.models.item() == 5
    assert selected(mix) == []


def test_theory_counts_who_sent_nothing_finite_on_neither_side():
    # Good: 2 (of weight 1/8): 4/8. Bad: 1/8 of the attacker at 9, not the one of NaN. tau = 2.
    inbox = inbox_of(0, [2, 9, math.nan, math.inf], byzantine=[1, 2])
    assert aggregate(rule("theory"), inbox).weights[0].tolist() == pytest.approx([0.125, 0.125 * 2 / 9, 0, 0])


@pytest.mark.parametrize(
    ("f", "tau"),
    [
        (0, math.inf),
        (1, 5),  # the nearest three for the good: (9 + 16 + 0)/1
        (2, 1.5 * math.sqrt(2)),  # 3 and 0: 9/2
        (3, 0),  # the one at 0
    ],
)
def test_estimated_by_hand(f, tau):
    received = [3, 4, 0, 100]
    mix = aggregate(rule("estimated", f), inbox_of(0, received))
    expected = [0.125 * (1 if x <= tau else tau / x) for x in received]
    assert mix.weights[0].tolist() == pytest.approx(expected)


def test_the_estimate_leaves_out_at_least_what_f_neighbours_can_weigh():
    # All weigh 0.5, one neighbour at most 0.25: good are those within 0.25. In order 1 (0.125), 2 (0.125), 8 (0.25):
    # tau^2 = (1 + 4)/8 / 0.25 = 2.5.
    tau = math.sqrt(2.5)
    weights = aggregate(rule("estimated", 1), inbox_of(0, [8, 2, 1], [0.25, 0.125, 0.125])).weights[0]
    assert weights.tolist() == pytest.approx([0.25 * tau / 8, 0.125 * tau / 2, 0.125])
    # In the order 1 (0.125), 2 (0.25), 8 (0.125) two would leave out 0.125, which is not enough: tau^2 = 1/8 / 0.375.
    tau = math.sqrt(1 / 3)
    weights = aggregate(rule("estimated", 1), inbox_of(0, [8, 2, 1], [0.125, 0.25, 0.125])).weights[0]
    assert weights.tolist() == pytest.approx([0.125 * tau / 8, 0.25 * tau / 2, 0.125 * tau])


def test_the_estimate_does_not_know_who_is_byzantine():
    found = [aggregate(rule("estimated"), inbox_of(0, [1, 2, 9], byzantine=[j])).models.item() for j in range(3)]
    assert found[0] == found[1] == found[2]


def test_for_the_estimate_what_is_not_finite_is_the_farthest():
    # f = 1: good are 3 and 4, bad is the NaN's weight: tau = 5.
    weights = aggregate(rule("estimated", 1), inbox_of(0, [math.nan, 3, 4])).weights[0]
    assert weights.tolist() == pytest.approx([0, 0.125, 0.125])


def test_tau_takes_a_number_or_a_word():
    assert chosen("defense", "clipped_gossip", tau=2).tau == 2
    for wrong in (-1, "theoretical", math.inf, math.nan, None):
        with pytest.raises(
            ConfigError, match=r"defense\.tau is .*, but must be estimated, theory, or a number, at least 0"
        ):
            chosen("defense", "clipped_gossip", tau=wrong)


def test_f_is_of_the_estimate_alone():
    network = graph(3, [(0, 1), (0, 2)], byzantine=[1])  # |N_0| = 2, |N_2| = 1
    rule(1.0, f=7).check(Conditions(network))
    assert rule(1.0, f=7).facts(Conditions(network)) == {}
    assert rule("theory", f=7).facts(Conditions(network)) == {"knows": "who is Byzantine"}
    assert rule("estimated", f=0).facts(Conditions(network)) == {"f": {0: 0, 2: 0}}
    assert "these nodes mix nothing in" in rule("estimated", f=2).facts(Conditions(network))["warning"]
    with pytest.raises(ConfigError, match=r"defense\.f is 7, but must be .*below 1"):
        rule("estimated", f=7).check(Conditions(network))


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6), st.integers(0, 99))
def test_a_wide_threshold_is_plain_gossip(values, own):
    inbox = inbox_of(own, values)
    torch.testing.assert_close(
        aggregate(rule(1e6), inbox).models, aggregate(Mean(name="mean"), inbox).models, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("tau", [0.5, "theory", "estimated"])
@pytest.mark.parametrize("lie", [1e30, -3e38])
def test_a_liar_moves_a_node_by_no_more_than_its_weight_times_tau(tau, lie):
    benign = random_models(5, 9)
    own, others = benign[0], benign[1:].tolist()
    lied = aggregate(rule(tau), inbox_of(own.tolist(), [*others, [lie] * 9], 0.16, byzantine=[4])).models[0]
    # Under theory, tau is sqrt(sum of 4 squared distances); the estimate takes the same four for the good.
    squared = (benign[1:] - own).square().sum(1)
    reach = tau if tau == 0.5 else squared.sum().sqrt().item()
    clip = [min(1, reach / norm) for norm in squared.sqrt().tolist()]
    honest = sum(0.16 * c * (x - own) for c, x in zip(clip, benign[1:], strict=True))
    assert (lied - own - honest).norm().item() == pytest.approx(0.16 * reach, rel=1e-4)
