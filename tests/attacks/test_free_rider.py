"""A fault: nodes that pass on what they received."""

from dataclasses import replace

import pytest
import torch
from helpers import chosen, graph

from byzdl.testing import network_view

# Free riders are 3, which hears 0 and 1, and 4, which hears 2 and 3.
NETWORK = graph(5, [(0, 1), (1, 2), (0, 3), (1, 3), (2, 4), (3, 4)], byzantine=[3, 4])


def models(*values):
    return torch.tensor([[float(value)] for value in values])


def test_the_mean_of_what_was_received_last_is_sent():
    attack = chosen("attack", "free_rider")
    before, first, second = models(0, 2, 8), models(1, 5, 7), models(3, 3, 3)
    state, messages = attack.send(attack.init(3, 1), network_view(NETWORK, before, first))
    assert messages.models.tolist() == [[1], [8]]  # of x^t: nothing was received yet
    state, messages = attack.send(state, network_view(NETWORK, models(4, 4, 4), second))
    assert messages.models.tolist() == [[3], [7]]
    _, messages = attack.send(state, network_view(NETWORK, models(4, 4, 4), models(9, 9, 9)))
    assert messages.models.tolist() == [[3], [3]]
    assert [messages.index[i].item() for i in range(3)] == [0, 0, 1]  # 3 to nodes 0 and 1, and 4 to node 2


def test_on_a_redrawn_graph_it_is_what_its_neighbours_of_the_last_round_sent():
    attack, other = chosen("attack", "free_rider"), graph(5, [(0, 1), (1, 2), (2, 3), (0, 4)], byzantine=[3, 4])
    state, _ = attack.send(attack.init(3, 1), network_view(NETWORK, models(0, 0, 0), models(1, 5, 7)))
    state, messages = attack.send(state, network_view(other, models(0, 0, 0), models(2, 4, 6)))
    assert messages.models.tolist() == [[3], [7]]
    assert attack.send(state, network_view(NETWORK, models(0, 0, 0), models(0, 0, 0)))[1].models.tolist() == [[6], [2]]


def test_one_that_hears_nobody_sends_the_mean_of_all():
    alone = graph(4, [(0, 1), (1, 2)], byzantine=[3])
    attack = chosen("attack", "free_rider")
    state, _ = attack.send(attack.init(3, 1), network_view(alone, models(0, 0, 0), models(1, 4, 7)))
    assert attack.send(state, network_view(alone, models(0, 0, 0), models(0, 0, 0)))[1].models.tolist() == [[4]]


def test_a_lost_model_that_it_does_not_hear_does_no_harm():
    attack = chosen("attack", "free_rider")
    sent = attack.send(attack.init(3, 1), network_view(NETWORK, models(0, 2, float("nan")), models(1, 5, 7)))[1].models
    assert sent[0].tolist() == [1]
    assert sent[1].isnan().all()


def test_noise_has_its_spread_and_is_everybodys_own():
    d = 20_000
    attack, before = chosen("attack", "free_rider", std=2.0), torch.ones(3, d)
    seen = network_view(NETWORK, before, before)
    one, other = attack.send(attack.init(3, d), seen)[1].models
    for sent in (one, other):
        assert sent.mean().item() == pytest.approx(1, abs=0.06)  # four standard errors: 4 * 2 / sqrt(20000)
        assert sent.std().item() == pytest.approx(2, rel=0.03)
    assert torch.corrcoef(torch.stack([one, other]))[0, 1].abs() < 0.03
    later = attack.send(attack.init(3, d), replace(seen, round=1))[1].models
    assert not torch.equal(later[0], one)
