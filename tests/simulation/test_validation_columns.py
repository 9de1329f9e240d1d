"""Accuracy on the nodes' own hold-outs: further columns, where there are any."""

import csv
import itertools

import pytest
import torch
from helpers import chosen, graph, make_experiment, module_at
from simulations import run

import byzdl
from byzdl.config.columns import NODE_COLUMNS, ROUND_COLUMNS, TABLES
from byzdl.config.compose import compose
from byzdl.config.types import RuleError
from byzdl.data import Iid, Rotation
from byzdl.defenses.local import Local
from byzdl.models import Linear
from byzdl.runs import checkpoint
from byzdl.runs.execute import execute
from byzdl.simulation import evaluation
from byzdl.simulation.rounds import simulate

TRIANGLE = graph(3, list(itertools.combinations(range(3), 2)), byzantine=[1])
KEYS = ["dataset=synthetic", "dataset.train_count=120", "dataset.test_count=20", "model=linear", "rounds=6"]
KEYS += ["eval_every=2", "batch_size=8", "topology=complete", "topology.n=4", "attack.br=0.25"]


@pytest.mark.parametrize("kind", [Iid, Rotation])
def test_each_benign_node_is_asked_for_its_own_hold_out(tiny, kind):
    partition = kind(name="mine", validation=0.25)
    experiment = make_experiment(tiny, TRIANGLE, partition=partition, attack=chosen("attack", "max", br=0.34))
    state, found = run(experiment)[-1]
    expected = []
    for row, node in enumerate((0, 2)):
        own = experiment.batches.holdings[node]
        images, labels = tiny.train.batch(torch.from_numpy(own.validation))
        images = images if own.view is None else own.view(images)
        answers = module_at(Linear(), tiny, state.models[row])(images).argmax(1)
        expected.append(sum(int(a) == int(b) for a, b in zip(answers, labels, strict=True)) / len(labels))
    assert [row["validation_accuracy"] for row in found.node_rows()] == expected
    assert found.round_row()["validation_accuracy_mean"] == pytest.approx(sum(expected) / 2)
    assert found.round_row()["validation_accuracy_worst"] == min(expected)


def test_what_the_monitor_has_measured_is_not_measured_again(tiny, monkeypatch):
    asked = []
    measure = evaluation.Scores._measure
    monkeypatch.setattr(
        evaluation.Scores, "_measure", lambda self, *what: (asked.append(what[2] is not None), measure(self, *what))[1]
    )
    for keys in ({"name": "local"}, {"name": "loss_threshold", "monitor": "validation"}):
        experiment = make_experiment(
            tiny,
            graph(3, [(0, 1), (1, 2)]),
            partition=Iid(validation=0.25),
            defense=chosen("defense", **keys),
            batch_size=len(tiny.train) // 4,  # an epoch is a round
        )
        assert experiment.epochs(0, rounds=1) == 1
        asked.clear()
        list(simulate(experiment, experiment.initial()))
        assert sum(asked) == 5 * 3, "five evaluations of three nodes, which measure no model twice"


@pytest.mark.parametrize("share", [0, 0.2])
def test_there_are_columns_only_where_something_is_held_out(share, tmp_path):
    keys = [*KEYS, f"dataset.cache={tmp_path}", f"partition.validation={share}", "defense=credibility"]
    execute(compose(*keys), tmp_path / "run")
    heads = {name: (tmp_path / "run" / name).read_text().partition("\n")[0].split(",") for name in TABLES}
    means = ["validation_accuracy_mean", "validation_accuracy_worst"] if share else []
    assert heads["rounds.csv"] == [*ROUND_COLUMNS, *means]
    own = ["validation_accuracy"] if share else []
    assert heads["nodes.csv"][: len(NODE_COLUMNS) + len(own)] == [*NODE_COLUMNS, *own]
    in_memory = byzdl.run(*keys, progress=False)
    assert [*in_memory.rounds] == heads["rounds.csv"]
    assert [*in_memory.nodes] == heads["nodes.csv"]
    if share:
        with open(tmp_path / "run" / "rounds.csv", newline="") as file:
            written = [float(row["validation_accuracy_mean"]) for row in csv.DictReader(file)]
        assert written == in_memory.rounds["validation_accuracy_mean"].tolist()


def test_a_run_that_goes_on_writes_the_same_bytes(tmp_path, monkeypatch):
    config = compose(*KEYS, f"dataset.cache={tmp_path}", "partition.validation=0.2", "checkpoint.every=3")
    execute(config, tmp_path / "whole")

    class Stop(BaseException):
        pass

    def stop(*arguments):
        save(*arguments)
        raise Stop

    save = checkpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", stop)
        with pytest.raises(Stop):
            execute(config, tmp_path / "stopped")
    execute(config, tmp_path / "stopped")
    whole, stopped = (tables(tmp_path / name) for name in ("whole", "stopped"))
    assert whole == stopped
    assert len(whole[0]) == 4


def tables(folder):
    """rounds.csv and nodes.csv without the seconds."""
    texts = [(folder / name).read_text().splitlines() for name in ("rounds.csv", "nodes.csv")]
    return [[{**row, "seconds": ""} for row in csv.DictReader(text)] for text in texts]


class Reporting(Local):
    """Reports what is a column already."""

    def report(self, state):
        return {"validation_accuracy": torch.zeros(3)}


def test_its_name_is_taken(tiny):
    experiment = make_experiment(tiny, graph(3, [(0, 1), (1, 2)]), defense=Reporting())
    with pytest.raises(RuleError, match="the name 'validation_accuracy' is taken by another column"):
        run(experiment)
