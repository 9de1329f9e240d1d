"""Counts by edge, by node and by round."""

import pytest
import torch
from helpers import chosen, graph, make_experiment

from byzdl.exchange import Mix, Roster
from byzdl.simulation.metrics import Evaluation, Tally
from byzdl.simulation.rounds import simulate

# Nodes 0, 1, 2 are benign, 3 is not.
NETWORK = graph(4, [(0, 1), (0, 2), (0, 3), (2, 3)], byzantine=[3])
CPU = torch.device("cpu")


def evaluation(tally: Tally, roster: Roster) -> Evaluation:
    benign = torch.tensor(NETWORK.benign)
    return Evaluation(
        round=7,
        epoch=1.0,
        nodes=benign,
        score=torch.zeros(3),
        loss=torch.zeros(3),
        consensus_distance=0.0,
        reported={},
        success=None,
        tally=tally.among(torch.arange(3)),
        neighbours=torch.tensor([3, 1, 2]),
        byzantine_neighbours=torch.tensor([1, 0, 1]),
        senders=roster.senders[:3],
    )


def listed(rows: list[dict[str, int | float | None]]) -> list[tuple[int | float | None, ...]]:
    assert all(row["round"] == 7 for row in rows)
    return [tuple(row[key] for key in ("node", "neighbour", "arrived", "accepted", "weight")) for row in rows]


@pytest.mark.parametrize("learners", [(0, 1, 2), (0, 1, 2, 3)], ids=["attackers apart", "attackers learn"])
def test_edges_are_counted_by_hand(learners) -> None:
    roster = Roster.of(NETWORK, learners, CPU)
    extra = len(learners) - 3  # what an attacker accepts is not counted
    first = torch.tensor([[1, 0, 1], [1, 0, 0], [0, 0, 0], *[[1, 1, 0]] * extra], dtype=torch.bool)
    second = torch.tensor([[0, 0, 1], [1, 0, 0], [1, 0, 0], *[[1, 1, 0]] * extra], dtype=torch.bool)
    tally = Tally()
    for selected in (first, second):
        tally = tally.add(Mix(torch.empty(len(learners), 1), selected, selected * 0.25), roster)
    assert listed(evaluation(tally, roster).edge_rows()) == [
        (0, 1, 2, 1, 0.125),
        (0, 2, 2, 0, 0.0),
        (0, 3, 2, 2, 0.25),
        (1, 0, 2, 2, 0.25),
        (2, 0, 2, 1, 0.125),
        (2, 3, 2, 0, 0.0),
    ]


def test_only_received_messages_are_counted() -> None:
    roster = Roster.of(NETWORK, (0, 1, 2), CPU)
    lost = torch.zeros(4, 4, dtype=torch.bool)
    lost[0, 3] = lost[1, 0] = True  # receivers by senders
    thin = roster.without(lost)
    tally = (
        Tally()
        .add(Mix(torch.empty(3, 1), roster.present, None), roster)
        .add(Mix(torch.empty(3, 1), thin.present), thin)
    )
    assert listed(evaluation(tally, roster).edge_rows()) == [
        (0, 1, 2, 2, None),
        (0, 2, 2, 2, None),
        (0, 3, 1, 1, None),
        (1, 0, 1, 1, None),
        (2, 0, 2, 2, None),
        (2, 3, 2, 2, None),
    ]
    silent = Tally().add(Mix(torch.empty(3, 1)), roster.without(torch.ones(4, 4, dtype=torch.bool)))
    assert evaluation(silent, roster).edge_rows() == []


def test_large_networks_are_not_counted_edge_by_edge(monkeypatch) -> None:
    roster = Roster.of(NETWORK, (0, 1, 2), CPU)
    mix = Mix(torch.empty(3, 1), roster.present, roster.metropolis)
    monkeypatch.setattr("byzdl.simulation.metrics.MOST_EDGES", 9)
    assert len(evaluation(Tally().add(mix, roster), roster).edge_rows()) == 6
    monkeypatch.setattr("byzdl.simulation.metrics.MOST_EDGES", 8)
    tally = Tally().add(mix, roster)
    assert evaluation(tally, roster).edge_rows() == []
    assert tally.arrived is tally.accepted is tally.mixed is None
    assert tally.benign is not None


@pytest.mark.parametrize("defense", ["ubar", "loss_threshold", "mean", "median"])
@pytest.mark.parametrize("attack", ["max", "label_flip"])
def test_edges_add_up_to_what_nodes_and_rounds_say(tiny, attack, defense) -> None:
    network = graph(5, [(i, j) for i in range(5) for j in range(i)], byzantine=[1])
    experiment = make_experiment(
        tiny,
        network,
        rounds=6,
        eval_every=3,
        attack=chosen("attack", attack, br=0.2),
        defense=chosen("defense", defense),
    )
    found = [one for _, one in simulate(experiment, experiment.initial()) if one is not None]
    assert found[0].edge_rows() == []
    for one in found[1:]:
        rows = one.edge_rows()
        assert [(row["node"], row["neighbour"]) for row in rows] == [
            (i, j) for i in (0, 2, 3, 4) for j in range(5) if j != i
        ]
        assert all(row["arrived"] == 3 for row in rows)
        for node in one.node_rows():
            own = [row for row in rows if row["node"] == node["node"]]
            if defense == "median":
                assert all(row["accepted"] is None and row["weight"] is None for row in own)
                continue
            assert sum(row["accepted"] for row in own if row["neighbour"] == 1) == node["byzantine_accepted"]
            assert sum(row["accepted"] for row in own if row["neighbour"] != 1) == node["benign_accepted"]
        if defense != "median":
            weight = sum(row["weight"] for row in rows if row["neighbour"] == 1) / 4
            assert weight == pytest.approx(one.round_row()["byzantine_weight"])


@pytest.mark.parametrize(("defense", "edges"), [("local", 0), ("oracle", 6), ("mean", 6)])
def test_who_listens_to_nobody_receives_nothing(tiny, defense, edges) -> None:
    """The other tables count messages on their way, so that their rates are of the same messages under each defense."""
    experiment = make_experiment(
        tiny, NETWORK, attack=chosen("attack", "max", br=0.25), defense=chosen("defense", defense)
    )
    found = [one for _, one in simulate(experiment, experiment.initial())][-1]
    assert len(found.edge_rows()) == edges
    assert all(row["arrived"] == 1 for row in found.edge_rows())
    rates = [found.round_row()[f"{kind}_accept_rate"] for kind in ("byzantine", "benign")]
    assert rates == {"local": [0, 0], "oracle": [0, 1], "mean": [1, 1]}[defense]
