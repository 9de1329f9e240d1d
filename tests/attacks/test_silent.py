"""A fault: nodes that send nothing."""

import pytest
import torch
from helpers import chosen, graph, make_experiment
from simulations import run, standing_still

from byzdl.simulation.rounds import one_round
from byzdl.topology import Complete

# Node 0 hears 1, 2 and the faulty 3; node 1 hears 0 and 3; node 2 hears 0 alone.
NETWORK = graph(4, [(0, 1), (0, 2), (0, 3), (1, 3)], byzantine=[3])


def experiment(tiny, defense="mean", **keys):
    attack = chosen("attack", "silent", br=0.25, **keys)
    return make_experiment(tiny, NETWORK, attack=attack, defense=chosen("defense", defense), rounds=5)


def test_nothing_arrives_and_its_weight_goes_to_the_own_model(tiny):
    still = standing_still(experiment(tiny))
    state = still.initial()
    models = torch.arange(3.0)[:, None].expand_as(state.models) * 12  # 0, 12 and 24
    after, _ = one_round(still, state._replace(models=models.clone()))
    # Metropolis weights are those of the graph: 1/4 between 0 and 1 and between 0 and 2.
    expected = torch.tensor([(12 + 24) / 4, 12 - 12 / 4, 24 - 24 / 4])[:, None].expand_as(models)
    torch.testing.assert_close(after.models, expected)
    assert after.tally.byzantine_arrived.tolist() == [0, 0, 0]
    assert after.tally.benign_arrived.tolist() == [2, 1, 1]


def test_a_silent_neighbour_is_none_that_a_rule_must_tolerate(tiny):
    """With f: known, nothing is trimmed: a node takes the mean of itself and of what arrived."""
    still = standing_still(experiment(tiny, "trimmed_mean"))
    state = still.initial()
    models = torch.tensor([[0.0], [12.0], [24.0]]).expand_as(state.models)
    after, _ = one_round(still, state._replace(models=models.clone()))
    torch.testing.assert_close(after.models[:, 0], torch.tensor([12.0, 6.0, 12.0]))


@pytest.mark.parametrize(
    ("keys", "drop", "silent"),
    [({"start": 2}, 0.0, {2, 3, 4}), ({"start": 1, "every": 2}, 0.0, {1, 3}), ({"start": 2}, 1e-9, {2, 3, 4})],
)
def test_before_the_crash_and_between_two_of_them_messages_arrive(tiny, keys, drop, silent):
    attack, topology = chosen("attack", "silent", br=0.25, **keys), Complete(name="complete", n=4, drop=drop)
    crashing = make_experiment(tiny, NETWORK, attack=attack, topology=topology, rounds=5)
    for t in range(5):
        expected = [0, 0, 0, 0] if t in silent else [1, 1, 0, 0]
        assert crashing.links.roster(t).byzantine.sum(1).tolist() == expected
    honest = make_experiment(tiny, NETWORK, attack=chosen("attack", "none", br=0.25), rounds=5)
    for (one, _), (other, _) in list(zip(run(crashing), run(honest), strict=True))[: 1 + min(silent)]:
        assert torch.equal(one.models, other.models)


def test_a_whole_run_has_rows_without_byzantine_messages(tiny):
    *_, (_, last) = run(experiment(tiny))
    row = last.round_row()
    assert row["byzantine_accept_rate"] is None
    assert row["benign_accept_rate"] == 1
    assert row["byzantine_weight"] == 0
