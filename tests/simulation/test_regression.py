"""Regression: the squared error in place of the cross-entropy, and R^2 in place of the accuracy."""

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score, root_mean_squared_error
from torch import nn

import byzdl
from byzdl.attacks import LabelFlip
from byzdl.config.columns import tables
from byzdl.simulation.flat_model import Batched, OneByOne
from byzdl.simulation.tasks import REGRESSION

CPU = torch.device("cpu")


@pytest.mark.parametrize("way", [OneByOne, Batched])
def test_gradients_and_losses_are_those_of_the_squared_error(way):
    draw = torch.Generator().manual_seed(0)
    inputs, targets = torch.randn(2, 5, 3, generator=draw), torch.randn(2, 5, generator=draw)
    flat = way(nn.Linear(3, 1), CPU, task=REGRESSION)
    models, into = torch.randn(2, 4, generator=draw), torch.zeros(2, 4)

    def feed(part):
        return inputs[part.start : part.stop], targets[part.start : part.stop]

    flat.add_gradients(models.clone(), into, feed)
    # By hand: the gradient of the mean of (x'w + c - y)^2 is the mean of 2 (x'w + c - y) (x, 1).
    ones = torch.cat([inputs, torch.ones(2, 5, 1)], 2)
    off = torch.einsum("lbi,li->lb", ones, models) - targets
    torch.testing.assert_close(into, (2 * off[..., None] * ones).mean(1))
    rows, wanted = torch.tensor([[0, 1], [1, 0]]), torch.ones(2, 2, dtype=torch.bool)
    off = torch.einsum("lbi,lpi->lpb", ones, models[rows]) - targets[:, None]
    torch.testing.assert_close(flat.losses(models, rows, wanted, feed), off.square().mean(2))
    torch.testing.assert_close(flat.losses(models, rows, wanted, feed, "accuracy"), 1 - off.square().mean(2))


def test_a_model_that_is_lost_has_the_lowest_score():
    outputs = torch.tensor([[[torch.nan]], [[torch.inf]], [[9.0]]])
    assert REGRESSION.scores(outputs, torch.zeros(3, 1)).tolist() == [-torch.inf, -torch.inf, -80.0]


def test_flipped_targets_are_mirrored_at_the_mean():
    inputs, targets = torch.zeros(3, 2), torch.tensor([-1.0, 0.0, 2.5])
    assert LabelFlip().poison(inputs, targets, None)[1].tolist() == [1.0, 0.0, -2.5]


@pytest.fixture(scope="module")
def run():
    keys = {"optimizer.lr": 0.02, "partition": {"validation": 0.2}, "batch_size": 8, "defense": "mean"}
    return byzdl.run(
        "dataset=diabetes", "task=regression", "attack=label_flip", model="linear", rounds=60, progress=False, **keys
    )


def test_a_run_learns_and_its_columns_are_named_for_what_they_hold(run):
    assert tuple(run.rounds) == tables("r2", validation=True)["rounds.csv"]
    assert tuple(run.nodes) == tables("r2", validation=True)["nodes.csv"]
    first, last = run.rounds.iloc[0], run.rounds.iloc[-1]
    assert last["r2_mean"] > 0.3 > first["r2_mean"]
    assert run.accuracy == last["r2_mean"] >= last["r2_worst"]
    assert "r2 0." in repr(run)


def test_scores_are_those_of_scikit_learn():
    from sklearn.datasets import load_diabetes

    _, targets = load_diabetes(return_X_y=True)
    test = np.arange(len(targets)) % 5 == 0
    found = byzdl.run(
        *("dataset=diabetes", "task=regression", "defense=local", "attack=none"),
        model="linear", rounds=1, batch_size=32, progress=False, **{"optimizer.lr": 1e-9},
    )  # fmt: skip
    # A step of nearly 0 leaves the initial model, the same at each node.
    nodes = found.nodes[found.nodes["round"] == 1]
    error, score, loss = (nodes[name].iloc[0] for name in ("rmse", "r2", "loss"))
    spread = targets[~test].std()
    assert error == pytest.approx(loss**0.5 * spread)
    # R^2 = 1 - MSE / variance, each computed by scikit-learn from answers that have this error.
    answers = targets[test] + error
    assert root_mean_squared_error(targets[test], answers) == pytest.approx(error)
    assert score == pytest.approx(r2_score(targets[test], answers), rel=1e-5)
