"""Clipping and momentum beside torch's own; plain and decayed steps and schedules are in tests/test_simulation.py."""

import pytest
import torch
from helpers import aggregate, graph, make_experiment, make_inbox, module_at, random_models
from torch import nn

from byzdl.defenses.clipped_gossip import ClippedGossip
from byzdl.models import Mlp
from byzdl.simulation.rounds import one_round
from byzdl.simulation.settings import Optimizer


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tau", [0.0, 3.0, 8.0, 100.0])
def test_clipped_gossip_renormalises_differences(tau, seed):
    models = random_models(8, 30, seed=seed)
    weights = torch.rand(7, generator=torch.Generator().manual_seed(seed)) / 7
    own, *received = models.tolist()
    inbox = make_inbox([own], [received], metropolis=[weights.tolist()])
    clipped = torch.renorm(models[1:] - models[0], p=2, dim=0, maxnorm=tau)
    found = aggregate(ClippedGossip(name="clipped_gossip", tau=tau), inbox).models[0]
    torch.testing.assert_close(found, models[0] + weights @ clipped, rtol=1e-4, atol=1e-5)


def test_averaged_momentum_is_sgd_with_dampening(tiny):
    """torch takes the first gradient whole, and all others times 1 - dampening; here m is 0 at first, as if torch's buffer were."""
    model, ours = Mlp(name="mlp", hidden=5), Optimizer(lr=0.5, momentum=0.9, average=True, weight_decay=0.1)
    experiment = make_experiment(tiny, graph(2, [(0, 1)]), model=model, optimizer=ours)
    state = experiment.initial()
    module = module_at(model, tiny, state.models[0])
    sgd = torch.optim.SGD(module.parameters(), lr=0.5, momentum=0.9, dampening=0.9, weight_decay=0.1)
    for parameter in module.parameters():
        sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    for t in range(4):
        images, labels = experiment.batch([0], t)
        sgd.zero_grad()
        nn.functional.cross_entropy(module(images[0]), labels[0]).backward()
        sgd.step()
        state, _ = one_round(experiment, state)
        expected = nn.utils.parameters_to_vector(module.parameters())
        torch.testing.assert_close(state.models[0], expected, rtol=1e-4, atol=1e-6)
    assert (state.models[0] - experiment.initial().models[0]).abs().max() > 1e-3
