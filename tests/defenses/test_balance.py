"""BALANCE: a radius in proportion to the own norm, falling over the run."""

import dataclasses
import math

import pytest
from helpers import aggregate, chosen, graph, make_experiment, one_node, random_models, selected

from byzdl.defenses.balance import Balance
from byzdl.simulation.rounds import one_round

RULE = Balance(name="balance")


def test_by_hand():
    # ||(30, 40)|| = 50, of which 0.3 is 15: (39, 52) is at 15, (30, 24) at 16, (30, 56) at 16, (20, 30) at 14.1.
    mix = aggregate(RULE, one_node([30, 40], [[39, 52], [30, 24], [30, 56], [20, 30]]))
    assert selected(mix) == [0, 3]
    # The mean of the accepted is (29.5, 41).
    assert mix.models[0].tolist() == [29.75, 40.5]


@pytest.mark.parametrize(("round", "accepted"), [(0, [0, 1, 2]), (5, [0, 1]), (9, [0])])
def test_it_grows_stricter(round, accepted):
    # T = 10: 0.3 * 100 is 30 at first; times exp(-0.5) = 0.61: 18.2; times exp(-0.9) = 0.41: 12.2.
    inbox = dataclasses.replace(one_node(100, [112, 82, 129]), round=round, rounds=10)
    assert selected(aggregate(RULE, inbox)) == accepted
    steady = Balance(name="balance", kappa=0.0)
    assert selected(aggregate(steady, inbox)) == [0, 1, 2]


def test_gamma_and_alpha():
    mix = aggregate(Balance(name="balance", gamma=2.0, alpha=0.75), one_node(8, [-8, -9, 24]))
    assert selected(mix) == [0, 2]
    assert mix.models.item() == 8


def test_nobody_near_and_nobody_finite():
    assert selected(aggregate(RULE, one_node(1, [2, math.nan, -math.inf]))) == []
    assert selected(aggregate(RULE, one_node(math.inf, [1, 2]))) == []
    assert selected(aggregate(RULE, one_node(math.nan, [1, 2]))) == []
    # 0 is near 0 alone.
    assert selected(aggregate(RULE, one_node(0, [0, 1e-30]))) == [0]


def test_a_norm_does_not_overflow():
    assert selected(aggregate(RULE, one_node([3e38, -3e38], [[2.9e38, -3e38], [1, 1]]))) == [0]


def test_it_stretches_with_the_models():
    models = 1 + 0.2 * random_models(6, 5)
    plain = aggregate(RULE, one_node(models[0].tolist(), models[1:].tolist()))
    wide = aggregate(RULE, one_node((8 * models[0]).tolist(), (8 * models[1:]).tolist()))
    assert selected(plain) == selected(wide)


def test_an_experiment_says_how_many_rounds_and_classes_there_are(tiny):
    experiment = make_experiment(tiny, graph(3, [(0, 1), (1, 2)]), defense=chosen("defense", "balance"), rounds=7)
    state, _ = one_round(experiment, experiment.initial())
    seen = []

    class Spy(Balance):
        def aggregate(self, state, inbox):
            seen.append((inbox.round, inbox.rounds, inbox.classes))
            return super().aggregate(state, inbox)

    spied = dataclasses.replace(experiment, defense=Spy(name="spy"))
    one_round(spied, state)
    assert seen == [(1, 7, 3)]
