"""Mixing beside networkx: gossip and the attacks upon it, by the Laplacian of a weighted graph."""

import networkx as nx
import numpy as np
import pytest
import torch
from helpers import chosen, filled_wire, graph, make_experiment
from torch.testing import assert_close

from byzdl.simulation.rounds import attack_view, exchange

N = 9


def weighted(seed, byzantine=()):
    """A random graph, as networkx knows it with the Metropolis weights on its edges, and as ours."""
    known = nx.connected_watts_strogatz_graph(N, 4, 0.5, seed=seed)
    degree = known.degree()
    for i, j in known.edges:
        known.edges[i, j]["weight"] = 1 / (1 + max(degree[i], degree[j]))
    return known, graph(N, list(known.edges), byzantine)


def laplacian(known, nodes):
    return torch.from_numpy(nx.laplacian_matrix(known.subgraph(nodes), nodes).toarray()).float()


def wire_of(experiment, seed):
    generator = torch.Generator().manual_seed(seed)
    models = torch.randn(len(experiment.learners) + 1, experiment.model.d, generator=generator)
    return filled_wire(models[:-1])


@pytest.mark.parametrize("seed", range(3))
def test_plain_gossip_takes_off_the_laplacian(seed, tiny):
    """X <- (I - L) X, and in the end the mean of all: W is symmetric, and its gap is 1 less the largest other eigenvalue."""
    known, network = weighted(seed)
    mean = chosen("defense", "mean")
    experiment = make_experiment(tiny, network, defense=mean)
    wire = wire_of(experiment, seed)
    start = wire.own.clone()
    inbox = exchange(experiment, 0, experiment.links.roster(0), wire, nobody(experiment, wire))
    _, mix = mean.aggregate((), inbox)
    step = torch.eye(N) - laplacian(known, range(N))
    assert_close(mix.models, step @ start, rtol=1e-4, atol=1e-5)
    eigenvalues = np.linalg.eigvalsh(step.double())
    assert eigenvalues[-1] == pytest.approx(1)
    assert eigenvalues[-2] < 1 - 1e-3
    assert eigenvalues[0] > -1


def nobody(experiment, wire):
    """No messages."""
    view = attack_view(experiment, experiment.initial(), wire)
    return experiment.attack.send((), view)[1]


@pytest.mark.parametrize("eps", [1.0, 1.5])
@pytest.mark.parametrize("seed", range(3))
def test_dissensus_adds_the_benign_laplacian(seed, eps, tiny):
    """Victim i gets x_i + eps (L x)_i / (the weight of its Byzantine neighbours), L that of the benign subgraph."""
    byzantine = (2, 5)
    known, network = weighted(seed, byzantine)
    attack = chosen("attack", "dissensus", br=2 / N, eps=eps)
    experiment = make_experiment(tiny, network, attack=attack)
    wire = wire_of(experiment, seed)
    half, view = wire.own, attack_view(experiment, experiment.initial(), wire)
    _, messages = attack.send((), view)
    benign = [i for i in range(N) if i not in byzantine]
    away = laplacian(known, benign) @ half
    victims = [i for i in benign for b in sorted(byzantine) if known.has_edge(i, b)]
    weight = [sum(known.edges[i, b]["weight"] for b in byzantine if known.has_edge(i, b)) for i in victims]
    place = [benign.index(i) for i in victims]
    expected = half[place] + eps * away[place] / torch.tensor(weight)[:, None]
    assert_close(messages.models[messages.index], expected, rtol=1e-4, atol=1e-5)
