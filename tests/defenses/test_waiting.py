"""Rules that skip needless steps on a processor, where the host can tell which ones these are."""

import pytest
import torch
from helpers import choices, chosen
from simulations import same_bits

from byzdl.testing import random_inbox
from byzdl.vectors.waiting import possible


def test_on_a_gpu_everything_is_possible(monkeypatch):
    mask = torch.tensor([False, True])
    assert possible(mask) == [False, True]
    monkeypatch.setattr("byzdl.vectors.waiting.waits", lambda values: True)
    assert possible(mask) == [True, True]


@pytest.mark.parametrize("name", choices("defense"))
@pytest.mark.parametrize("degrees", [(6, 9, 3, 1), (11, 12, 12), (0, 1)])
def test_a_rule_that_skips_nothing_decides_the_same(monkeypatch, name, degrees):
    rule, inbox = chosen("defense", name), random_inbox(degrees)
    state = rule.begin(*inbox.rows.shape, inbox.own.shape[1])
    skipping = rule.aggregate(state, inbox)
    monkeypatch.setattr("byzdl.vectors.waiting.waits", lambda values: True)
    assert same_bits(rule.aggregate(state, inbox), skipping)
