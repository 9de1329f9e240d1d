"""loss_threshold with a guard at its fall-back."""

import dataclasses
import math

import pytest
import torch
from helpers import aggregate, one_node, selected

from byzdl.defenses.guarded import Guarded
from byzdl.defenses.loss_threshold import LossThreshold


def detected(rule, theta):
    """A state after a detection, at this theta."""
    state = rule.init(1, 0)
    return state._replace(theta=torch.full_like(state.theta, theta), detected=torch.tensor([True]))


def inbox_of(own_loss, losses, classes=3):
    return dataclasses.replace(one_node(8, [4] * len(losses), own_loss=own_loss, losses=losses), classes=classes)


@pytest.mark.parametrize(
    ("own", "losses", "margin", "chosen"),
    [
        # log 3 = 1.0986. theta is 5, so that nobody passes eq. 4.
        (0.2, [1.09, 3.0], 0.0, [0]),  # far worse than the own, but better than chance
        (0.2, [1.11, 3.0], 0.0, []),  # neither
        (4.0, [3.5, 3.9], 0.0, [0]),  # better than the own
        (4.0, [4.0, 5.0], 0.0, []),  # as good is not better
        (4.0, [3.5, 9.0], 0.5, []),  # not by more than the margin
        (4.0, [3.4, 9.0], 0.5, [0]),
        (math.nan, [3.4, 9.0], 0.5, [0]),  # any finite loss is better than none
        (4.0, [math.nan, math.inf], 0.0, []),
    ],
)
def test_the_fall_back_by_hand(own, losses, margin, chosen):
    rule = Guarded(name="guarded", theta=5.0, margin=margin)
    # A loss that is not finite passes any theta in comparison with a finite one.
    state = detected(rule, math.inf if math.isnan(own) else 5.0)
    mix = aggregate(rule, inbox_of(own, losses), state)
    expected = [0, 1] if math.isnan(own) else chosen
    assert selected(mix) == expected
    assert mix.fallback.item() == (bool(chosen) and not math.isnan(own))
    if not expected:
        assert mix.models.item() == 8
    # Without a guard, the least loss is taken wherever one is finite.
    assert bool(selected(aggregate(LossThreshold(name="x", theta=5.0), inbox_of(own, losses), state))) == any(
        math.isfinite(loss) for loss in losses
    )


def test_chance_depends_on_how_many_classes_there_are():
    rule = Guarded(name="guarded")
    state = detected(rule, 0.0)
    assert selected(aggregate(rule, inbox_of(0.1, [2.3], classes=10), state)) == [0]  # log 10 = 2.303
    assert selected(aggregate(rule, inbox_of(0.1, [2.3], classes=9), state)) == []


def test_before_a_detection_and_where_somebody_passes_it_is_loss_threshold():
    guarded, plain = Guarded(name="guarded"), LossThreshold(name="loss_threshold")
    for losses in ([0.7, 0.95, 0.8], [2.0, 3.0, 4.0]):
        inbox = inbox_of(1.0, losses)
        assert selected(aggregate(guarded, inbox)) == selected(aggregate(plain, inbox))
    state = detected(guarded, -0.1)
    assert selected(aggregate(guarded, inbox_of(2.0, [2.1, 2.05, 2.5]), state)) == [0, 1]
