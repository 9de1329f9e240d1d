"""mean, local and oracle: the reference lines."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, graph, make_inbox, one_node, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.local import Local
from byzdl.defenses.mean import Mean
from byzdl.defenses.oracle import Oracle
from byzdl.exchange import Inbox, Roster

MEAN, LOCAL, ORACLE = Mean(name="mean"), Local(name="local"), Oracle(name="oracle")


def inbox_of(network, models):
    """The inbox of a network without attackers, in which every node sends its row."""
    roster = Roster.of(network, tuple(range(network.n)), torch.device("cpu"))
    k = roster.present.shape[1]
    rows = torch.tensor([[*around, *[i] * (k - len(around))] for i, around in enumerate(network.neighbours)])
    nodes, rows = tuple(range(network.n)), rows.reshape(network.n, k).long()
    return Inbox.of(models, rows, roster, loss_of=None, nodes=nodes, before=models)


def test_mean_on_a_path_of_three_nodes():
    # 0 - 1 - 2: degrees 1, 2, 1, so that W_01 = W_12 = 1 / (1 + 2) = 1/3. With x = (0, 3, 9):
    # x_0 = 0 + (3 - 0)/3 = 1; x_1 = 3 + (0 - 3)/3 + (9 - 3)/3 = 4; x_2 = 9 + (3 - 9)/3 = 7.
    mix = aggregate(MEAN, inbox_of(graph(3, [(0, 1), (1, 2)]), torch.tensor([[0.0], [3.0], [9.0]])))
    assert mix.models.flatten().tolist() == pytest.approx([1, 4, 7], rel=1e-6)
    assert mix.selected.tolist() == [[True, False], [True, True], [True, False]]


@given(
    n=st.integers(2, 7),
    edges=st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=15),
    seed=st.integers(0, 99),
)
def test_mean_is_a_product_with_the_metropolis_matrix(n, edges, seed):
    edges = [(i, j) for i, j in edges if i < j < n]
    x = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    adjacency = np.zeros((n, n))
    for i, j in edges:
        adjacency[i, j] = adjacency[j, i] = 1
    degree = adjacency.sum(1)
    w = adjacency / (1 + np.maximum(degree[:, None], degree[None, :]))
    w += np.diag(1 - w.sum(1))
    result = aggregate(MEAN, inbox_of(graph(n, edges), torch.from_numpy(x))).models
    np.testing.assert_allclose(result.numpy(), w @ x, rtol=1e-5, atol=1e-6)
    # Doubly stochastic weights leave the mean over the network where it is.
    np.testing.assert_allclose(result.numpy().mean(0), x.mean(0), rtol=1e-4, atol=1e-5)


def test_mean_is_no_defense():
    inbox = make_inbox([1.0], [[math.inf, 2.0]], metropolis=[[0.25, 0.25]])
    assert aggregate(MEAN, inbox).models.item() == math.inf


def test_local_keeps_every_model():
    inbox = make_inbox([[1, 2], [3, 4]], [[[5, 6]], [[7, 8], [9, 9]]])
    mix = aggregate(LOCAL, inbox)
    assert mix.models.tolist() == [[1, 2], [3, 4]]
    # It reports that nothing was mixed in.
    assert not mix.selected.any()
    assert not mix.weights.any()


def test_oracle_is_the_mean_over_the_own_and_the_truly_benign():
    # (0 + 3 + 6) / 3 = 3, whatever the attacker sends.
    inbox = one_node(0, [3, 100, 6], byzantine=[False, True, False])
    mix = aggregate(ORACLE, inbox)
    assert mix.models.item() == pytest.approx(3)
    assert selected(mix) == [0, 2]
    assert mix.weights[0].tolist() == pytest.approx([1 / 3, 0, 1 / 3])


def test_oracle_alone_among_attackers_keeps_its_own():
    assert aggregate(ORACLE, one_node(7, [1, 2], byzantine=[True, True])).models.item() == 7


def test_oracle_counts_by_learner():
    # Learner 0: (0 + 4) / 2. Learner 1: (3 + 6 + 9) / 3.
    inbox = make_inbox([0, 3], [[4, 50], [6, 9]], byzantine=[[False, True], [False, False]])
    assert aggregate(ORACLE, inbox).models.flatten().tolist() == pytest.approx([2, 6])
