"""Users are dealt whole, and evenly; without a number of nodes, each has a node."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import byzdl
from byzdl.analysis import find
from byzdl.config.compose import compose
from byzdl.config.identity import run_name
from byzdl.config.types import ConfigError
from byzdl.data import Natural, Partition, divide
from byzdl.sweeping.examine import refusals


def dealt(sizes, n, seed=0):
    """The users of each node, each checked to be whole."""
    users = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    parts = Natural().split(users, n, np.random.default_rng(seed))
    for part in parts:
        own = np.unique(users[part])
        assert len(part) == sum(sizes[user] for user in own)
    return [np.unique(users[part]).tolist() for part in parts]


@pytest.mark.parametrize(
    ("sizes", "n", "users"),
    [
        ([5, 4, 3, 2], 2, [[0, 3], [1, 2]]),  # 5 | 4, then 3 to the node with 4, and 2 to the one with 5
        ([2, 9, 1, 1, 1], 2, [[0, 2, 3, 4], [1]]),
        ([1, 2, 4, 8], 3, [[0, 1], [2], [3]]),
        ([3, 1, 2], 3, [[0], [1], [2]]),
    ],
)
def test_the_largest_user_comes_first_and_each_goes_where_the_fewest_samples_are(sizes, n, users):
    for seed in range(5):
        assert sorted(dealt(sizes, n, seed)) == users


def test_equal_users_and_nodes_come_in_the_order_of_the_seed():
    drawn = {tuple(map(tuple, dealt([2] * 4, 4, seed))) for seed in range(20)}
    assert len(drawn) > 10
    assert dealt([2] * 4, 2, seed=3) == dealt([2] * 4, 2, seed=3)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=15), st.integers(1, 15), st.integers(0, 99))
def test_each_user_has_one_node_and_no_node_is_ahead_by_more_than_a_user(sizes, n, seed):
    if n > len(sizes):
        with pytest.raises(
            ConfigError, match=rf"^topology\.n is {n}, but must be at most {len(sizes)}, the number of users;"
        ):
            dealt(sizes, n, seed)
        return
    parts = dealt(sizes, n, seed)
    assert sorted(user for part in parts for user in part) == [*range(len(sizes))]
    totals = [sum(sizes[user] for user in part) for part in parts]
    for part, total in zip(parts, totals, strict=True):
        assert total - min(sizes[user] for user in part) <= min(totals)


def test_a_share_of_each_node_is_held_out_as_usual():
    users = np.arange(60) % 6
    for holding in divide(Natural(validation=0.25), users, n=3, batch_size=4, seed=0):
        assert (len(holding.train), len(holding.validation)) == (15, 5)
        assert len(np.unique(users[[*holding.train, *holding.validation]])) == 2


# Whole runs


@pytest.fixture
def keys(tmp_path, monkeypatch):
    """A run on 60 samples of five users."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(60, 3))
    y = (x[:, 0] > 0).astype(int)
    np.savez("my.npz", x_train=x, y_train=y, x_test=x[:20], y_test=y[:20], groups=np.arange(60) % 5)
    data = ["dataset=arrays", "dataset.path=my.npz", "model=linear", "rounds=2", "batch_size=4"]
    return [*data, "partition=natural", "topology=complete", "attack.br=0.2"]


def said(*keys):
    with pytest.raises(ConfigError) as raised:
        byzdl.run(*keys, progress=False)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_a_run_has_a_node_for_each_user(keys):
    run = byzdl.run(*keys, "topology.n=null", progress=False, folder="outputs")
    assert len(run.network) == 5
    assert run.folder.name.startswith("arrays-natural-complete_users-max-br0.2-loss_threshold-s0-")
    assert run.folder.name == run_name(compose(*keys, "topology.n=null"))
    assert json.loads((run.folder / "run.json").read_text())["nodes"] == 5
    assert set(run.nodes["node"]) == set(range(5)) - {node for node, of in run.network.nodes.items() if of["byzantine"]}
    again = byzdl.run("seed=0", from_=run.folder, progress=False)
    assert again.rounds.drop(columns="seconds").equals(run.rounds.drop(columns="seconds"))
    # The same as with the number itself, but for the name.
    five = byzdl.run(*keys, "topology.n=5", progress=False)
    assert five.rounds.drop(columns="seconds").equals(run.rounds.drop(columns="seconds"))
    assert len(five.network) == 5


def test_analysis_knows_the_number_of_nodes(keys):
    run = byzdl.run(*keys, "topology.n=null", progress=False, folder="outputs")
    (found,) = find("outputs")
    assert (found.status, found.config["topology.n"], found.byzantine) == ("done", 5, 1)
    record = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({key: value for key, value in record.items() if key != "nodes"}))
    (found,) = find("outputs")
    assert (found.status, "lacks nodes" in found.why) == ("unreadable", True)


def test_there_may_be_fewer_nodes_than_users_but_not_more(keys):
    assert len(byzdl.run(*keys, "topology.n=3", progress=False).network) == 3
    assert said(*keys, "topology.n=6") == (
        "topology.n is 6, but must be at most 5, the number of users; null is a node for each user"
    )


def test_a_number_of_users_that_no_graph_has_is_refused(keys):
    assert said(*keys, "topology=torus", "topology.n=null").startswith("topology.n is 5, but must be a product of two")


def test_data_without_users_and_partitions_by_class_are_refused(keys):
    users = "a split by classes, as the data do not say to which user a sample belongs"
    assert said("partition=natural", "model=linear") == f"partition is 'natural', but must be {users}"
    assert (
        said("partition=natural", "model=linear", "topology.n=null") == f"partition is 'natural', but must be {users}"
    )
    assert said(*keys, "partition=iid", "topology.n=null") == (
        "topology.n is None, but must be an integer, as partition=iid knows no users; null goes with partition=natural"
    )


def test_a_sweep_examines_all_but_the_graph(keys):
    wrong = ["attack.br=0.99", "partition=iid", "rounds=0"]
    found = refusals([(compose(*keys, "topology.n=null", key), {}) for key in wrong])
    assert [why.partition(" ")[0] for why in found] == ["", "topology.n", "rounds"]


def test_a_partition_of_ones_own_may_go_by_users(keys):
    class ByTurns(Partition):
        by = "user"

        def split(self, labels, n, rng):
            return [np.flatnonzero(labels % n == node) for node in range(n)]

    others = [key for key in keys if not key.startswith("partition")]
    run = byzdl.run(*others, "topology.n=null", partition=ByTurns(), progress=False)
    assert len(run.network) == 5
