"""Weights by a softmax of losses."""

import math

import pytest
import torch
from helpers import aggregate, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.softmax_loss import SoftmaxLoss


def rule(temperature=1.0):
    return SoftmaxLoss(name="softmax_loss", temperature=temperature)


def test_by_hand():
    # exp(-log 2) = 1/2, exp(-log 4) = 1/4 and exp(-log 4) = 1/4: the weights themselves.
    inbox = one_node(8, [4, -4], own_loss=math.log(2), losses=[math.log(4), math.log(4)])
    mix = aggregate(rule(), inbox)
    assert mix.weights[0].tolist() == pytest.approx([0.25, 0.25])
    assert mix.models.item() == pytest.approx(4)
    # At half the temperature the ratio is squared: 4 : 1 : 1.
    mix = aggregate(rule(0.5), inbox)
    assert mix.weights[0].tolist() == pytest.approx([1 / 6, 1 / 6])
    assert mix.models.item() == pytest.approx(32 / 6)


def test_the_temperature_goes_from_the_best_to_the_mean():
    inbox = one_node(3, [6, 9], own_loss=1.0, losses=[0.5, 2.0])
    assert aggregate(rule(1e-3), inbox).models.item() == pytest.approx(6)
    assert selected(aggregate(rule(1e-3), inbox)) == [0]
    assert aggregate(rule(1e6), inbox).models.item() == pytest.approx(6, rel=1e-5)
    assert aggregate(rule(1e6), inbox).weights[0].tolist() == pytest.approx([1 / 3, 1 / 3], rel=1e-5)


def test_large_losses_do_not_underflow():
    inbox = one_node(3, [6, 9], own_loss=1e6 + 1, losses=[1e6 + 1, 1e6 + 1])
    assert aggregate(rule(0.01), inbox).models.item() == pytest.approx(6)


def test_what_is_not_finite_has_no_weight():
    mix = aggregate(rule(), one_node(2, [4, math.nan, 5], own_loss=1.0, losses=[1.0, 0.0, math.nan]))
    assert selected(mix) == [0]
    assert mix.models.item() == pytest.approx(3)
    assert aggregate(rule(), one_node(2, [math.inf], own_loss=1.0, losses=[0.0])).models.item() == 2
    assert aggregate(rule(), one_node(math.nan, [4], own_loss=1.0, losses=[0.0])).models.isnan().all()
    # An own loss that overflows is no reason to stay.
    assert aggregate(rule(), one_node(2, [4], own_loss=math.inf, losses=[5.0])).models.item() == 4


@given(st.lists(st.floats(0, 20), min_size=1, max_size=8), st.floats(0, 20), st.floats(0.05, 5))
def test_it_is_torchs_softmax(losses, own_loss, temperature):
    models = random_models(1 + len(losses), 5)
    inbox = one_node(models[0].tolist(), models[1:].tolist(), own_loss=own_loss, losses=losses)
    shares = torch.softmax(torch.tensor([own_loss, *losses]).float().double() / -temperature, dim=0)
    mix = aggregate(rule(temperature), inbox)
    torch.testing.assert_close(mix.weights[0], shares[1:], rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(mix.models[0].double(), shares @ models.double(), rtol=1e-4, atol=1e-5)
