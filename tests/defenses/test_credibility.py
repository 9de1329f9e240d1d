"""Credibility: trust that lives on from round to round."""

import math

import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models

from byzdl.defenses.credibility import Credibility, CredibilityState

# exp(-log 2 |mean difference|) halves with every unit.
HALVES = Credibility(name="credibility", sharpness=math.log(2), block=2, step=0.5, step_fall=0.25)


def state_of(*trust):
    return CredibilityState(torch.tensor([trust], dtype=torch.float64))


def trust_after(rule, inbox, *before):
    return rule.aggregate(state_of(*before), inbox)[0].trust[0].tolist()


def test_by_hand():
    # One block. Mean differences 1 and 2 (of 0 2, and of 1 3), weights 1/2: rewards 1/4 and 1/8, normalised
    # 2/3 and 1/3. Trust 1 + 0.5 (2/3 - 1) = 5/6 and 1 + 0.5 (1/3 - 1) = 2/3; weights 5/9 and 4/9.
    state, mix = HALVES.aggregate(HALVES.init(1, 2), one_node([0, 0], [[0, 2], [1, 3]]))
    assert state.trust[0].tolist() == pytest.approx([5 / 6, 2 / 3])
    # A third is the own model's: 2/3 of each weight.
    assert mix.weights[0].tolist() == pytest.approx([10 / 27, 8 / 27])
    assert mix.models[0].tolist() == pytest.approx([8 / 27, (20 + 24) / 27])


def test_the_step_falls_from_block_to_block():
    # Three blocks of one parameter, steps 0.5, 0.25 and 0: the third, in which all differ, counts no more.
    # Equal in the first two: rewards are the weights, 0.6 and 0.4 at first. 0.6 -> 0.6, 0.4 -> 0.4: as they were.
    rule = Credibility(name="credibility", sharpness=math.log(2), block=1, step=0.5, step_fall=0.25)
    assert trust_after(rule, one_node([0, 0, 0], [[1, 1, 9], [1, 1, 0]]), 0.6, 0.4) == pytest.approx([0.6, 0.4])
    # One unit apart in the second: weights 0.6 and 0.4, rewards 0.6 : 0.2 = 3/4 and 1/4.
    assert trust_after(rule, one_node([0, 0, 0], [[1, 0, 9], [1, 1, 0]]), 0.6, 0.4) == pytest.approx(
        [0.6 + 0.25 * 0.15, 0.4 - 0.25 * 0.15]
    )


def test_signs_cancel_within_a_block():
    # The mean over the block is what counts, not the distance: the weakness of the rule.
    assert trust_after(HALVES, one_node([0, 0], [[50, -50], [0, 0]]), 1, 1) == pytest.approx([0.75, 0.75])


def test_trust_lives_on():
    near, far = [0.0, 0.0], [9.0, 9.0]
    inbox = one_node([0, 0], [near, far])
    state = HALVES.init(1, 2)
    shares = []
    for _ in range(5):
        state, mix = HALVES.aggregate(state, inbox)
        shares.append(mix.weights[0, 1].item())
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.05


def test_all_far_away_do_not_divide_by_zero():
    rule = Credibility(name="credibility")
    state, mix = rule.aggregate(rule.init(1, 2), one_node([0, 0], [[5, 5], [7, 7]]))
    # exp(-5000) and exp(-7000): the first is nearer by a factor of exp(2000), and has all the reward.
    assert state.trust[0].tolist() == pytest.approx([1, 0.9])
    assert mix.models.isfinite().all()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_weighs_nothing_and_loses_trust(value):
    state, mix = HALVES.aggregate(HALVES.init(1, 3), one_node([0, 0], [[value, 0], [2, 0], [2, 0]]))
    # Rewards 0, 1/2, 1/2.
    assert state.trust[0].tolist() == pytest.approx([0.5, 0.75, 0.75])
    assert mix.weights[0].tolist() == pytest.approx([0, 1 / 3, 1 / 3])


def test_a_node_to_whom_nothing_finite_came_keeps_model_and_trust():
    inbox = make_inbox([[1, 2], [math.nan, 0]], [[[math.nan, 0]], [[3, 4]]])
    before = CredibilityState(torch.tensor([[0.5], [0.25]], dtype=torch.float64))
    state, mix = HALVES.aggregate(before, inbox)
    assert torch.equal(state.trust, before.trust)
    assert torch.equal(mix.models[0], inbox.own[0])
    assert not mix.weights.any()


def test_where_all_are_alike_it_is_the_uniform_mean():
    own, offset = random_models(2, 6)
    # Differences of the same mean, 0, over each block of two.
    offset[1::2] = -offset[::2]
    received = [(own + c * offset).tolist() for c in (1, 2, -3)]
    expected = (4 * own + 0 * offset) / 4
    torch.testing.assert_close(aggregate(HALVES, one_node(own.tolist(), received)).models[0], expected)
