"""A fault: models that are out of date."""

from dataclasses import replace

import pytest
import torch
from helpers import chosen, graph, make_experiment
from test_simple import own_view

from byzdl.simulation.rounds import attack_view, local_update, one_round


@pytest.mark.parametrize(("delay", "expected"), [(1, [0, 0, 1, 2, 3]), (2, [0, 0, 0, 1, 2]), (9, [0] * 5)])
def test_the_model_of_some_rounds_ago_is_sent(delay, expected):
    attack = chosen("attack", "stale", delay=delay)
    state, found = attack.init(3, 2), []
    for t in range(5):
        view = own_view(own=[[float(t), 0.0], [-float(t), 0.0]], previous=[[9.0, 9.0]] * 2, byzantine=2)
        state, messages = attack.send(state, replace(view, round=t))
        assert messages.models[1].tolist() == [-messages.models[0, 0], 0]
        found.append(messages.models[0, 0].item())
    assert found == expected


def test_in_a_run_it_is_what_the_node_had_then(tiny):
    network = graph(4, [(0, 1), (1, 2), (2, 3), (0, 3)], byzantine=[1])
    attack = chosen("attack", "stale", br=0.25, delay=2)
    experiment = make_experiment(tiny, network, attack=attack, defense=chosen("defense", "mean"), rounds=6)
    state, own, sent = experiment.initial(), [], []
    for _ in range(6):
        seen = state._replace(momenta=state.momenta.clone())
        wire = local_update(experiment, seen)
        own.append(wire.own[1].clone())
        sent.append(attack.send(state.attack, attack_view(experiment, seen, wire))[1].models[0])
        state, _ = one_round(experiment, state)
    for now, then in enumerate((0, 0, 0, 1, 2, 3)):
        assert torch.equal(sent[now], own[then])
