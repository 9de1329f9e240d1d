"""Attacks that begin late, or act now and then."""

import pytest
import torch
from helpers import chosen, graph, make_experiment

from byzdl.simulation.rounds import simulate

KITE = [(0, 1), (0, 2), (1, 2), (2, 3)]


def models(tiny, attack, rounds=6, **keys):
    """The benign nodes' models of every round under plain gossip; node 1 is Byzantine."""
    experiment = make_experiment(
        tiny,
        graph(4, KITE, byzantine=[1]),
        attack=chosen("attack", attack, br=0.25, **keys),
        defense=chosen("defense", "mean"),
        rounds=rounds,
    )
    return [state.models[experiment.benign].clone() for state, _ in simulate(experiment, experiment.initial())]


@pytest.mark.parametrize("attack", ["max", "label_flip", "gaussian", "isolation"])
def test_before_its_start_nobody_can_tell(tiny, attack):
    honest, late = models(tiny, "none"), models(tiny, attack, start=3)
    same = [torch.equal(one, other) for one, other in zip(honest, late, strict=True)]
    assert same == [True, True, True, True, False, False, False]  # round 3 is the first that it acts in


def test_between_its_rounds_attackers_send_honest_models(tiny):
    attack = chosen("attack", "max", start=1, every=3)
    assert [t for t in range(9) if attack.acts(t)] == [1, 4, 7]
    honest, now_and_then = models(tiny, "none", rounds=2), models(tiny, "max", rounds=2, every=2)
    assert not torch.equal(honest[1], now_and_then[1])
    once = models(tiny, "max", rounds=2, every=100)
    assert all(torch.equal(one, other) for one, other in zip(once, now_and_then, strict=True))


def test_an_attack_that_always_acts_needs_no_models_of_its_own():
    assert not chosen("attack", "max").trains
    assert chosen("attack", "max", start=1).trains
    assert chosen("attack", "max", every=2).trains
    assert chosen("attack", "sign_flip").trains
