"""A fault: models as before any training."""

import pytest
import torch
from helpers import chosen, graph, make_experiment, module_at
from torch import nn

import byzdl
from byzdl.models import Cnn, Mlp
from byzdl.simulation.rounds import attack_view, local_update

SQUARE = graph(4, [(0, 1), (1, 2), (2, 3), (0, 3)], byzantine=[1, 3])


def sent(tiny, model, round=0, seed=0):
    experiment = make_experiment(
        tiny, SQUARE, attack=chosen("attack", "random_model", br=0.5), model=model, rounds=9, seed=seed
    )
    state = experiment.initial()._replace(round=round)
    messages = experiment.attack.send((), attack_view(experiment, state, local_update(experiment, state)))[1]
    return experiment, messages


def test_each_faulty_node_sends_another_model_in_each_round(tiny):
    experiment, messages = sent(tiny, Mlp(name="mlp", hidden=5))
    assert messages.index.tolist() == [0, 1, 0, 1]  # nodes 0 and 2 hear both
    models = [*messages.models, *sent(tiny, Mlp(name="mlp", hidden=5), round=1)[1].models, experiment.model.initial]
    models += sent(tiny, Mlp(name="mlp", hidden=5), seed=1)[1].models
    assert all(not torch.equal(one, other) for i, one in enumerate(models) for other in models[:i])
    assert torch.equal(sent(tiny, Mlp(name="mlp", hidden=5))[1].models, messages.models)


@pytest.mark.parametrize("model", [Mlp(name="mlp", hidden=50), Cnn(name="cnn", channels=[8, 16], hidden=30)])
def test_parameters_lie_as_in_any_model_and_have_their_layers_spread(tiny, model):
    """torch draws a layer's weights uniformly from +- 1 / sqrt(fan in)."""
    module = module_at(model, tiny, sent(tiny, model)[1].models[0])
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.numel() > 100:
            bound = layer.weight[0].numel() ** -0.5
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert layer.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.15)


def test_by_hand_parameters_are_standard_normal():
    models = byzdl.attack("random_model", torch.full((3, 10_000), 70.0), byzantine=2).models
    assert torch.equal(models[:, 0], models[:, 2])
    assert not torch.equal(models[0], models[1])
    for one in models[:, 0]:
        assert one.mean().item() == pytest.approx(0, abs=0.04)
        assert one.std().item() == pytest.approx(1, rel=0.03)
