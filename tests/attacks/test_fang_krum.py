"""Fang's attack on Krum, on cases done by hand."""

from dataclasses import replace

import pytest
import torch
from helpers import chosen, delivered, graph, make_experiment, view

from byzdl.exchange import Mix
from byzdl.simulation.rounds import aggregate, attack_view, exchange, local_update

LADDER = {"weakest": 1.0, "strongest": 8.0, "trials": 4}  # 1, 2, 4, 8


def test_each_victim_gets_the_strongest_model_that_it_still_accepts():
    # Means go from 0 to (2, -2): s = (1, -1). Farthest from 0 is (3, -3) or (1, -1): lambda is 3, 6, 12, 24.
    benign = [[1.0, -1.0], [3.0, -3.0]]
    seen = view(benign, previous=[[0.0, 0.0]] * 2, attacker=[0, 0], victim=[0, 1])
    # Within a distance of 10, a victim takes the mean of its own model and the message. From (1, -1), (-6, 6) is at 9.9,
    # and (-12, 12) at 18. From (3, -3), (-3, 3) is at 8.5, and (-6, 6) at 12.7.
    assert delivered(chosen("attack", "fang_krum", **LADDER), seen).tolist() == [[-6, 6], [-3, 3]]


def test_where_nothing_is_accepted_the_weakest_is_sent():
    seen = view([[0.0], [4.0]], previous=[[0.0], [0.0]])
    unmoved = replace(seen, rehearsal=lambda _, trials, __: [Mix(torch.tensor([[0.0], [4.0]]))] * len(trials))
    assert delivered(chosen("attack", "fang_krum", **LADDER), unmoved).tolist() == [[-4]]


def test_a_coordinate_in_which_nobody_moves_stays_at_the_mean():
    seen = view([[1.0, 5.0], [3.0, 7.0]], previous=[[0.0, 5.0], [0.0, 7.0]])
    sent = delivered(chosen("attack", "fang_krum", weakest=1.0, strongest=1.0, trials=1), seen)
    # Farthest from (0, 6) are (3, 7): sqrt(10), so lambda is sqrt(10) / sqrt(2).
    assert sent[0].tolist() == pytest.approx([-(5**0.5), 6])


def test_krum_accepts_what_the_attack_found(tiny):
    """Against d_krum in a round: its choice is the attackers' model, and it rejects the next rung."""
    edges = [(i, j) for i in range(9) for j in range(i)]
    network = graph(9, edges, byzantine=[6, 7, 8])
    attack, defense = chosen("attack", "fang_krum", br=0.34), chosen("defense", "d_krum")
    experiment = make_experiment(tiny, network, attack=attack, defense=defense)
    state = experiment.initial()
    wire = local_update(experiment, state)
    seen = attack_view(experiment, state, wire)
    _, messages = attack.send((), seen)
    m = seen.previous.mean(0)

    def accepted(strength):
        """How many of the three attackers' messages each node selects."""
        sent = replace(messages, models=m + strength * (messages.models - m))
        inbox = exchange(experiment, 0, experiment.links.roster(0), wire, sent)
        return (aggregate(experiment, state.defense, inbox)[1].selected & inbox.truth.byzantine).sum(1)

    rung = 1000 ** (1 / 19)
    assert accepted(1.0).tolist() == [1] * 6
    assert accepted(rung).tolist() == [0] * 6
