"""loss_threshold with a bound on norms."""

import math

import pytest
import torch
from helpers import aggregate, one_node, selected

from byzdl.defenses.bounded import Bounded
from byzdl.defenses.loss_threshold import LossThreshold

RULE = Bounded(name="bounded", factor=2.0)
# Norms 5, 10, 10.1, 2.5, 2.4 and 5; the own one is 5.
RECEIVED = [[-4, 3], [6, 8], [0, 10.1], [1.5, 2], [0, 2.4], [5, 0]]


def detected(rule):
    state = rule.init(1, 0)
    return state._replace(detected=torch.tensor([True]))


def test_by_hand():
    # All beat the own loss by theta = 0.1, but for the last; the third and the fifth are too long and too short.
    mix = aggregate(RULE, one_node([3, 4], RECEIVED, own_loss=1.0, losses=[0.8, 0.5, 0.0, 0.9, 0.1, 0.95]))
    assert selected(mix) == [0, 1, 3]
    # The mean of the three is (3.5, 13) / 3.
    assert mix.models[0].tolist() == pytest.approx([1.5 + 3.5 / 6, 2 + 13 / 6])


def test_the_fall_back_is_bounded_too():
    inbox = one_node([3, 4], RECEIVED, own_loss=1.0, losses=[4.0, 3.0, 2.0, 5.0, 2.0, 6.0])
    mix = aggregate(RULE, inbox, detected(RULE))
    assert selected(mix) == [1]
    assert mix.fallback.tolist() == [True]
    far = one_node([3, 4], [[60, 80]], own_loss=1.0, losses=[2.0])
    mix = aggregate(RULE, far, detected(RULE))
    assert selected(mix) == []
    assert mix.fallback.tolist() == [False]
    assert selected(aggregate(LossThreshold(name="loss_threshold"), far, detected(RULE))) == [0]


def test_losses_of_models_outside_of_the_bound_are_not_evaluated():
    inbox = one_node([3, 4], RECEIVED, own_loss=1.0, losses=[0.0] * 6)
    aggregate(RULE, inbox)
    assert [row for _, row in inbox.loss_of.asked] == [0, 1, 2, 4, 6]


def test_within_the_bound_it_is_loss_threshold():
    inbox = one_node([3, 4], RECEIVED, own_loss=1.0, losses=[0.8, 0.5, 0.0, 2.0, 0.1, 3.0])
    wide, plain = Bounded(name="bounded", factor=1e9), LossThreshold(name="loss_threshold")
    assert torch.equal(aggregate(wide, inbox).models, aggregate(plain, inbox).models)


@pytest.mark.parametrize("own", [[math.nan, 1], [math.inf, 1], [0, 0]])
def test_a_lost_or_zero_own_model_accepts_nobody(own):
    assert selected(aggregate(RULE, one_node(own, [[1, 1], [3e38, 3e38]], own_loss=9.0, losses=[0.0, 0.0]))) == []


def test_a_norm_does_not_overflow():
    inbox = one_node([3e38, -3e38], [[2e38, 3e38], [1, 1]], own_loss=9.0, losses=[0.0, 0.0])
    assert selected(aggregate(RULE, inbox)) == [0]


@pytest.mark.parametrize("factor", [1.0, 0.5, math.inf])
def test_a_factor_is_above_1(factor):
    with pytest.raises(ValueError, match="a number above 1"):
        Bounded(name="bounded", factor=factor)
