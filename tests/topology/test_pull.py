"""Graphs in which every node hears a few others: directed, and another one in each round."""

import json
from collections import Counter

import networkx as nx
import pytest
import torch
from helpers import chosen, graph, make_experiment
from simulations import run, standing_still

from byzdl.analysis.load import find
from byzdl.analysis.report import networks
from byzdl.attacks.spectral import Spectral
from byzdl.config.compose import compose
from byzdl.config.types import ConfigError
from byzdl.exchange import Roster
from byzdl.runs.execute import execute
from byzdl.simulation.rounds import one_round
from byzdl.topology import Network, Pull, draw_network, draw_redraws

CPU = torch.device("cpu")


def of_rounds(pull, rounds, br=0.0, seed=0):
    first = draw_network(pull, br, seed)
    return first, *draw_redraws(pull, br, seed, rounds, first)


@pytest.mark.parametrize(("n", "pulls"), [(9, 1), (9, 3), (5, 4), (2, 1)])
def test_every_node_hears_that_many_others(n, pulls):
    for network in of_rounds(Pull(n=n, pulls=pulls), 6):
        for i, around in enumerate(network.neighbours):
            assert len(set(around)) == len(around) == pulls
            assert i not in around


def test_all_others_are_heard_alike():
    heard = Counter(j for network in of_rounds(Pull(n=6, pulls=2), 1000) for j in network.neighbours[3])
    assert set(heard) == {0, 1, 2, 4, 5}
    # 400 of 1000 rounds each, with a standard deviation of 15.5.
    assert all(abs(count - 400) < 4 * 15.5 for count in heard.values())


def test_who_is_heard_need_not_hear():
    network = draw_network(Pull(n=9, pulls=3), 0.0, seed=0)
    assert network.directed
    arcs = {(i, j) for i, around in enumerate(network.neighbours) for j in around}
    assert any((j, i) not in arcs for i, j in arcs)
    assert network.edges == sorted({tuple(sorted(arc)) for arc in arcs})
    assert Network(neighbours=((1,), (2,), (0, 1)), byzantine=(), directed=True).edges == [(0, 1), (0, 2), (1, 2)]


def test_each_round_has_its_graph_and_every_run_of_a_seed_the_same():
    networks = of_rounds(Pull(n=9, pulls=3), 8)
    assert len({network.neighbours for network in networks}) == 8
    assert of_rounds(Pull(n=9, pulls=3), 5) == networks[:5]
    assert of_rounds(Pull(n=9, pulls=3), 8, seed=1) != networks
    held = of_rounds(Pull(n=9, pulls=3, redraw_every=3), 8)
    assert len(held) == 3  # rounds 0-2, 3-5 and 6-7


def test_the_models_of_a_round_have_equal_weights():
    network = draw_network(Pull(n=9, pulls=3), 0.0, seed=0)
    roster = Roster.of(network, tuple(range(9)), CPU, everybody=True)
    assert roster.present.sum(1).tolist() == [3] * 9
    torch.testing.assert_close(roster.metropolis[roster.present], torch.full((27,), 0.25))
    assert not roster.metropolis[~roster.present].any()


def test_gossip_is_the_mean_of_the_own_model_and_of_what_was_pulled(tiny):
    pull = Pull(n=4, pulls=2)
    first = draw_network(pull, 0.0, seed=0)
    still = standing_still(make_experiment(tiny, first, topology=pull, defense=chosen("defense", "mean"), rounds=3))
    state = still.initial()
    models = torch.tensor([[3.0], [6.0], [12.0], [24.0]])
    state = state._replace(models=models.expand_as(state.models).clone())
    for network in of_rounds(pull, 3):
        models = torch.stack([models[[i, *around]].mean(0) for i, around in enumerate(network.neighbours)])
        state, _ = one_round(still, state)
        torch.testing.assert_close(state.models, models.expand_as(state.models))


@pytest.mark.parametrize(("require", "among"), [("connected", range(8)), ("benign_connected", None)])
def test_connected_is_a_path_of_messages_from_each_to_each(require, among):
    pull = Pull(n=8, pulls=2, require=require)
    for network in of_rounds(pull, 30, br=0.25):
        arcs = nx.DiGraph([(i, j) for i, around in enumerate(network.neighbours) for j in around])
        for nodes in (range(8), network.benign if among is None else among):
            assert all(nx.has_path(arcs.subgraph(nodes), i, j) for i in nodes for j in nodes)
    # Without a condition, some graph of 30 leaves a node that nobody hears.
    assert any(
        set(range(8)) - {j for around in network.neighbours for j in around}
        for network in of_rounds(Pull(n=8, pulls=2), 30)
    )


def test_the_number_of_byzantine_messages_is_that_of_the_round(tiny):
    pull = Pull(n=8, pulls=3)
    networks = of_rounds(pull, 6, br=0.25)
    experiment = make_experiment(
        tiny, networks[0], topology=pull, attack=chosen("attack", "max", br=0.25), rounds=6, eval_every=1
    )
    for network, (_, evaluation) in zip(networks, run(experiment)[1:], strict=True):
        heard = [len(set(network.neighbours[i]) & set(network.byzantine)) for i in network.benign]
        assert evaluation.tally.byzantine_arrived.tolist() == heard
        assert evaluation.byzantine_neighbours.tolist() == heard
        assert evaluation.neighbours.tolist() == [3] * 6


def test_a_whole_run_logs_and_shows_who_heard_whom(tmp_path):
    keys = ["topology=pull", "topology.n=6", "topology.pulls=2", "attack=dissensus", "defense=trimmed_mean", "rounds=3"]
    small = ["dataset=synthetic", f"dataset.cache={tmp_path}", "batch_size=10", "model=linear", "eval_every=1"]
    execute(compose(*keys, *small), tmp_path / "run")
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["redraws"] == {"graphs": 2, "draws": 2}
    rows = (tmp_path / "run" / "edges.csv").read_text().splitlines()[1:]
    arcs = [tuple(map(int, row.split(",")[:3])) for row in rows]
    graphs = of_rounds(Pull(n=6, pulls=2), 3, br=0.3)
    assert sorted(arcs) == [(t, i, j) for t, g in enumerate(graphs, 1) for i in g.benign for j in g.neighbours[i]]
    # The report draws pairs of nodes, and shows for each way whether a message arrived on it.
    drawn = networks.networks(find(tmp_path), {"run": 0})
    (shown,), (history,) = drawn["graphs"], drawn["runs"]
    ways = [way for i, j in shown["edges"] for way in ((i, j), (j, i))]
    for t, trust in enumerate(history["trust"], 1):
        heard = {way for way, one in zip(ways, trust, strict=True) if one != -1 and way[0] in graphs[0].benign}
        assert heard == {(i, j) for now, i, j in arcs if now == t}


@pytest.mark.parametrize(
    ("key", "value", "takes"), [("pulls", 0, "an integer, at least 1"), ("redraw_every", 0, "an integer, at least 1")]
)
def test_wrong_values_are_refused(key, value, takes):
    with pytest.raises(ConfigError, match=rf"^topology\.{key} is {value}, but must be {takes}$"):
        chosen("topology", "pull", **{key: value})


def test_nobody_can_hear_more_than_all_others():
    with pytest.raises(ConfigError, match=r"^topology\.pulls is 6, but must be an integer, at least 1 and below n=6$"):
        draw_network(Pull(n=6, pulls=6), 0.0, seed=0)


def test_spectral_takes_an_undirected_graph():
    Spectral(name="spectral").check(graph(3, [(0, 1), (1, 2)], byzantine=[2]))
    with pytest.raises(ConfigError, match=r"^attack is 'spectral', but must be another one on a directed graph"):
        Spectral(name="spectral").check(draw_network(Pull(n=6), 0.2, seed=0))
