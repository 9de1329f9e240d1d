"""Local performance check: accuracies on the own mini-batch."""

import math

import pytest
import torch
from helpers import aggregate, chosen, graph, make_experiment, module_at, one_node, selected

from byzdl.defenses.local_performance_check import LocalPerformanceCheck
from byzdl.models import Linear, Mlp
from byzdl.simulation.flat_model import Batched, OneByOne
from byzdl.simulation.rounds import one_round

RULE = LocalPerformanceCheck(name="local_performance_check")


def inbox_of(own, accuracies, received=None):
    received = received or [4.0] * len(accuracies)
    inbox = one_node(8, received, own_loss=0.0, losses=[0.0] * len(received))
    inbox.loss_of.accuracies = {(0, 0): own, **{(0, 1 + j): a for j, a in enumerate(accuracies)}}
    return inbox


def test_by_hand():
    # 0.7 - 0.1: 0.6 is enough, 0.59 is not; better is always enough.
    mix = aggregate(RULE, inbox_of(0.7, [0.6, 0.59, 0.9, 0.1], [4, 100, 8, 100]))
    assert selected(mix) == [0, 2]
    assert mix.models.item() == 7  # 0.5 * 8 + 0.5 * 6


def test_delta_and_alpha():
    rule = LocalPerformanceCheck(name="local_performance_check", delta=0.0, alpha=0.75)
    mix = aggregate(rule, inbox_of(0.5, [0.5, 0.46875]))
    assert selected(mix) == [0]
    assert mix.models.item() == 7


def test_what_is_not_finite_is_never_accepted():
    assert selected(aggregate(RULE, inbox_of(0.0, [1.0, 1.0, 0.0], [math.nan, math.inf, 1.0]))) == [2]


@pytest.mark.parametrize("model", [Linear(name="linear"), Mlp(name="mlp", hidden=5)], ids=["linear", "mlp"])
@pytest.mark.parametrize("way", [OneByOne, Batched])
def test_accuracies_are_those_of_a_plain_forward(tiny, model, way):
    module = model.build(tiny.sample, tiny.classes)
    flat = way(module, torch.device("cpu"))
    models = torch.randn(3, flat.d, generator=torch.Generator().manual_seed(0))
    models = torch.cat([models, torch.full((1, flat.d), torch.inf)])  # whose answers are no numbers
    images, labels = tiny.train.batch(torch.arange(40).reshape(2, 20))
    rows = torch.tensor([[0, 1, 3], [1, 2, 3]])
    found = flat.losses(
        models,
        rows,
        torch.ones_like(rows, dtype=torch.bool),
        lambda part: (images[part.start : part.stop], labels[part.start : part.stop]),
        "accuracy",
    )
    for i in range(2):
        for c, row in enumerate(rows[i, :2].tolist()):
            right = (module_at(model, tiny, models[row])(images[i]).argmax(1) == labels[i]).float().mean()
            assert found[i, c].item() == pytest.approx(right.item())
    assert found[:, 2].tolist() == [0, 0]


def test_equal_models_are_accepted_from_the_first_round_on(tiny):
    experiment = make_experiment(
        tiny, graph(3, [(0, 1), (1, 2)]), defense=chosen("defense", "local_performance_check", delta=1.0)
    )
    seen = experiment.initial()
    after, _ = one_round(experiment, seen)
    assert after.tally.alone.sum() == 0
