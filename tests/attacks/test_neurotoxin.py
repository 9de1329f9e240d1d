"""Neurotoxin, on cases done by hand."""

import pytest
import torch
from helpers import chosen, graph, make_experiment, view_of

from byzdl.simulation.evaluation import success
from byzdl.simulation.rounds import simulate


def seen(benign, previous, own, own_previous):
    nobody = torch.arange(len(own))
    return view_of(
        torch.tensor(benign),
        torch.tensor(previous),
        torch.tensor(own),
        own_previous=torch.tensor(own_previous),
        byzantine=len(own),
        attacker=nobody,
        victim=torch.zeros_like(nobody),
    )


@pytest.mark.parametrize(
    ("top", "boost", "expected"),
    [
        (0.0, 1.0, [[2, 3, 4, 5], [8, 8, 8, 8]]),
        (0.25, 1.0, [[2, 0, 4, 5], [8, 9, 8, 8]]),  # the mean moves by 1, -4, 2, 0: most in the second coordinate
        (0.49, 1.0, [[2, 0, 4, 5], [8, 9, 8, 8]]),  # 1.96 of 4, rounded down
        (0.5, 1.0, [[2, 0, 0, 5], [8, 9, 9, 8]]),
        (0.5, 3.0, [[6, 0, 0, 15], [6, 9, 9, 6]]),
    ],
)
def test_an_update_is_sent_without_what_benign_nodes_move_the_most(top, boost, expected):
    # The benign updates are (3, -4, 1, 1) and (-1, -4, 3, -1).
    benign, previous = [[3.0, -4.0, 1.0, 2.0], [0.0, -3.0, 4.0, 1.0]], [[0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 2.0]]
    view = seen(benign, previous, [[2.0, 3.0, 4.0, 5.0], [8.0] * 4], [[0.0] * 4, [9.0] * 4])
    assert chosen("attack", "neurotoxin", top=top, boost=boost).send((), view)[1].models.tolist() == expected


def test_of_equals_all_are_moved():
    view = seen([[1.0, 1.0, 0.0, 2.0]], [[0.0] * 4], [[5.0] * 4], [[0.0] * 4])
    assert chosen("attack", "neurotoxin", top=0.5).send((), view)[1].models.tolist() == [[5, 5, 5, 0]]


def test_it_gets_through_plain_gossip(tiny):
    experiment = make_experiment(
        tiny,
        graph(4, [(0, 1), (1, 2), (2, 3), (0, 3)], byzantine=[1, 3]),
        attack=chosen("attack", "neurotoxin", br=0.5),
        defense=chosen("defense", "mean"),
        rounds=60,
        eval_every=60,
    )
    *_, (state, _) = simulate(experiment, experiment.initial())
    assert success(experiment, state.models).mean().item() > 0.6
