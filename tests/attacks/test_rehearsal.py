"""Rehearsals: the forecast comes true, and its data are the right nodes'."""

from typing import Any

import pytest
import torch
from helpers import choices, chosen, filled_wire, graph, loss_at, make_experiment, random_models

from byzdl.attacks import Messages
from byzdl.attacks.backdoor import Backdoor
from byzdl.defenses import Defense
from byzdl.exchange import Mix
from byzdl.models import Linear
from byzdl.simulation.evaluation import success
from byzdl.simulation.rounds import aggregate, attack_view, exchange, local_update, one_round, send

# Attackers 2 and 5; nodes 0 and 3 hear both, 1 the first, 4 nobody but 3.
EDGES = [(0, 1), (0, 2), (0, 5), (1, 2), (1, 3), (2, 3), (3, 4), (3, 5), (2, 5)]
SIX = graph(6, EDGES, byzantine=[2, 5])


def prepared(tiny, **overrides):
    """An experiment after two rounds, its state, and the models x^{t+1/2} of the third."""
    experiment = make_experiment(tiny, SIX, rounds=9, **overrides)
    state = experiment.initial()
    for _ in range(2):
        state, _ = one_round(experiment, state)
    return experiment, state, local_update(experiment, state)


@pytest.mark.parametrize(
    ("attack", "defense", "pre"),
    [
        *(("dissensus", name, "none") for name in choices("defense")),  # a model to each
        ("max", "ubar", "none"),  # one to all
        ("max", "median", "nnm"),
        ("max", "mean", "bucketing"),
    ],
)
def test_a_rehearsal_is_the_round_that_follows(tiny, attack, defense, pre):
    experiment, state, wire = prepared(
        tiny, attack=chosen("attack", attack, br=0.3), defense=chosen("defense", defense), pre=chosen("pre", pre)
    )
    messages = send(experiment, state, wire)[1]
    before = wire.own.clone()
    foreseen = attack_view(experiment, state, wire).rehearse(messages).models.clone()
    assert torch.equal(wire.own, before)
    inbox = exchange(experiment, state.round, experiment.links.roster(state.round), wire, messages)
    assert torch.equal(aggregate(experiment, state.defense, inbox)[1].models, foreseen)


@pytest.mark.parametrize("pre", choices("pre"))
@pytest.mark.parametrize("defense", choices("defense"))
def test_trials_at_once_are_those_of_each_by_itself(tiny, defense, pre):
    rule, step = chosen("defense", defense), chosen("pre", pre)
    if rule.knows_neighbours and step.regroups:
        return  # refused
    if (defense, pre) == ("geometric_median", "nnm"):
        return  # of two pairs of equal models, any point between them is a median, and the last digit decides
    experiment, state, wire = prepared(tiny, attack=chosen("attack", "max", br=0.3), defense=rule, pre=step)
    view = attack_view(experiment, state, wire)
    noise = random_models(6, experiment.model.d)
    # One model to all, a model to each, and one that is lost.
    trials = [
        *(Messages.same(strength * view.after.mean(0), view) for strength in (-9.0, 0.9, 1.0)),
        *(Messages.by_message(strength * noise[: len(view.attacker)]) for strength in (0.1, 1.0)),
        Messages.same(torch.full_like(view.after[0], torch.inf), view),
    ]
    for messages, mix in zip(trials, view.rehearse_each(trials), strict=True):
        torch.testing.assert_close(mix.models, view.rehearse(messages).models, equal_nan=True)


@pytest.mark.parametrize("defense", choices("defense"))
def test_a_view_of_one_neighbourhood_foresees_the_same_there(tiny, defense):
    experiment, state, wire = prepared(
        tiny, attack=chosen("attack", "dissensus", br=0.3), defense=chosen("defense", defense)
    )
    view = attack_view(experiment, state, wire)
    messages = send(experiment, state, wire)[1]
    whole = view.rehearse(messages).models.clone()
    seen = []
    for one in view.roster.neighbourhoods:
        near = view.near(one)
        seen.append((int(near.victim[0]), one.nodes, near.attacker.tolist()))
        mine = type(messages)(messages.models, messages.index[one.messages])
        torch.testing.assert_close(near.rehearse(mine).models[one.row], whole[one.row])
    assert seen == [(0, (0, 1), [0, 1]), (1, (0, 1, 3), [0]), (3, (1, 3, 4), [0, 1])]


class Tells(Defense):
    """Its models hold the learner's own loss in every coordinate."""

    fresh: bool = False

    def aggregate(self, state: Any, inbox: Any) -> tuple[Any, Mix]:
        own = inbox.losses(fresh=self.fresh)[0]
        return state, Mix(own[:, None].expand(inbox.own.shape))


@pytest.mark.parametrize("fresh", [False, True])
def test_by_its_own_data_an_attacker_estimates_losses_on_unpoisoned_samples(tiny, fresh):
    """The data are the lowest-numbered Byzantine neighbour's. A learner without one keeps its own batch."""
    experiment, state, _ = prepared(tiny, attack=Backdoor(name="backdoor", br=0.3), defense=chosen("defense", "local"))
    wire = filled_wire(random_models(7, experiment.model.d, seed=3)[:6])
    telling = make_experiment(tiny, SIX, attack=experiment.attack, defense=Tells(name="tells", fresh=fresh), rounds=9)
    view = attack_view(telling, state, wire)
    messages = send(telling, state, wire)[1]
    draw = experiment.batches.fresh if fresh else experiment.batches.current
    for knowledge, nodes in (("batch", [0, 1, None, 3, 4, None]), ("data", [2, 2, 5, 2, 4, 2])):
        found = view.rehearse(messages, knowledge).models[:, 0]
        for i, node in enumerate(nodes):
            if node is not None:  # an attacker's own batch is poisoned
                batch = tiny.train.batch(torch.from_numpy(draw(node, state.round))[None])
                expected = loss_at(Linear(name="linear"), tiny, wire.own[i], *batch)
                assert found[i].item() == pytest.approx(expected, rel=1e-5)


def test_an_attack_without_a_trigger_reads_no_test_images(tiny):
    experiment = make_experiment(tiny, SIX)
    object.__setattr__(experiment, "data", None)
    assert success(experiment, experiment.initial().models) is None
