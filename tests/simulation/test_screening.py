"""Losses of the own models in a round with rehearsals: each is evaluated once, and is never that of another round."""

import pytest
import torch
from helpers import chosen, graph, make_experiment

from byzdl.simulation.experiment import Experiment
from byzdl.simulation.rounds import one_round

RING = graph(5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)], byzantine=[4])


def asked(experiment, monkeypatch, rounds=2):
    """By round, the (learner, own model) of each loss that is evaluated, and the number of other models."""
    losses, found = experiment.model.losses, []

    def watched(models, rows, wanted, *more):
        pairs = {(i, int(rows[i, j])) for i, j in wanted.nonzero().tolist()}
        own = [pair for pair in sorted(pairs) if pair[1] < len(rows)]
        found[-1].append((own, len(pairs) - len(own)))
        return losses(models, rows, wanted, *more)

    monkeypatch.setattr(experiment.model, "losses", watched)
    state = experiment.initial()
    for _ in range(rounds):
        found.append([])
        state, _ = one_round(experiment, state)
    return found


# Learners 0 and 3 hear the attacker. All hear both neighbours on the ring.
EVERY = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (3, 3)]


@pytest.mark.parametrize("knowledge", ["batch", "data"])
def test_an_own_model_is_evaluated_once_a_round_however_many_trials_there_are(tiny, monkeypatch, knowledge):
    attack = chosen("attack", "opt_alie", br=0.2, trials=3, knowledge=knowledge)
    experiment = make_experiment(tiny, RING, attack=attack, defense=chosen("defense", "loss_threshold"), rounds=9)
    # Three messages to two victims, then the one that is sent: by the victims' own data, if rehearsals were by others'.
    again = [] if knowledge == "batch" else EVERY
    for one in asked(experiment, monkeypatch):
        assert one == [(EVERY, 6), (again, 2)]


def test_behind_a_pre_step_blends_are_evaluated_each_time(tiny, monkeypatch):
    attack = chosen("attack", "opt_alie", br=0.2, trials=3)
    rules = {"defense": chosen("defense", "loss_threshold"), "pre": chosen("pre", "nnm")}
    experiment = make_experiment(tiny, RING, attack=attack, rounds=9, **rules)
    for trials, sent in asked(experiment, monkeypatch):
        assert trials[1] > sent[1] > 0


def test_without_a_rehearsal_nothing_is_remembered(tiny, monkeypatch):
    experiment = make_experiment(tiny, RING, attack=chosen("attack", "max", br=0.2), defense=chosen("defense", "ubar"))
    (one,) = asked(experiment, monkeypatch, rounds=1)
    assert len(one) == 1


def test_mini_batches_are_those_of_their_round_however_often_they_are_asked_for(tiny, monkeypatch):
    kept = make_experiment(tiny, RING, local_steps=2, attack=chosen("attack", "label_flip", br=0.2))
    fresh = make_experiment(tiny, RING, local_steps=2, attack=chosen("attack", "label_flip", br=0.2))
    which = [
        {"round": t, "fresh": fresh_one, "step": step}
        for t in (0, 0, 1, 0, 5)
        for fresh_one in (False, True)
        for step in (0, 1, -1)
    ]
    found = [kept.batch(range(1, 4), **one) for one in which]
    estimated = [kept.estimate(range(5), one["round"], one["fresh"]) for one in which]
    monkeypatch.setattr("byzdl.simulation.experiment.MOST_KEPT", 0)
    for (images, labels), one in zip(found, which, strict=True):
        expected = fresh.batch(range(1, 4), **one)
        assert torch.equal(images, expected[0])
        assert torch.equal(labels, expected[1])
    for (images, labels), one in zip(estimated, which, strict=True):
        expected = fresh.estimate(range(5), one["round"], one["fresh"])
        assert torch.equal(images, expected[0])
        assert torch.equal(labels, expected[1])


def test_large_mini_batches_are_made_for_the_asked_learners_alone(tiny, monkeypatch):
    monkeypatch.setattr("byzdl.simulation.experiment.MOST_KEPT", 0)
    made = []
    drawn = Experiment._drawn
    monkeypatch.setattr(
        Experiment, "_drawn", lambda self, nodes, *more: made.append(nodes) or drawn(self, nodes, *more)
    )
    make_experiment(tiny, RING).batch(range(1, 3), 0)
    assert made == [[1, 2]]
