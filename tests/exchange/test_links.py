"""Redrawn graphs and lossy links: the delivered messages, and the consequences of lost ones."""

import copy
import dataclasses
import json
from functools import partial

import networkx as nx
import numpy as np
import pytest
import torch
from helpers import (
    aggregate,
    choices,
    chosen,
    graph,
    make_experiment,
    make_inbox,
    make_settings,
    pairs,
    random_models,
)
from simulations import run, same_bits, standing_still
from whole_runs import config, without_seconds

from byzdl.attacks.label_flip import LabelFlip
from byzdl.attacks.max import Max
from byzdl.attacks.none import NoAttack
from byzdl.config.types import ConfigError
from byzdl.defenses import Defense
from byzdl.defenses.credibility import Credibility
from byzdl.defenses.local import Local
from byzdl.defenses.mean import Mean
from byzdl.exchange import Roster
from byzdl.exchange.links import Links
from byzdl.random_streams import stream
from byzdl.runs.execute import execute
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.rounds import one_round
from byzdl.topology import ErdosRenyi, File, Ring, draw, draw_network, draw_redraws

CPU = torch.device("cpu")
KEYS = {"redraw": {"redraw_every": 2}, "drop": {"drop": 0.4}, "both": {"redraw_every": 2, "drop": 0.4}}


def erdos(n=7, **keys):
    return ErdosRenyi(name="erdos_renyi", n=n, cr=0.6, **keys)


def built(tiny, topology, br=0.3, seed=0, **overrides):
    attack = overrides.pop("attack", Max(name="max", br=br))
    settings = make_settings(topology=topology, attack=attack, seed=seed, **overrides)
    return Experiment.build(settings, draw_network(topology, br, seed), tiny)


def lost_by_hand(seed, round, n, drop):
    """Lost messages, receivers by senders, from their own random stream."""
    return stream(seed, "drop", round).random((n, n)) < drop


# Lost messages


def test_a_roster_without_what_is_lost_by_hand():
    # 0 - 1, 0 - 2, 1 - 2, 2 - 3; node 2 is Byzantine and does not learn. Lost: 1 to 0, 2 to 1; and what never was, 3 to 0.
    network = graph(4, [(0, 1), (0, 2), (1, 2), (2, 3)], byzantine=[2])
    lost = torch.zeros(4, 4, dtype=torch.bool)
    lost[0, 1] = lost[1, 2] = lost[0, 3] = True
    whole = Roster.of(network, (0, 1, 3), CPU)
    roster = whole.without(lost)
    assert roster.present.tolist() == [[False, True], [True, False], [True, False]]
    assert roster.byzantine.tolist() == [[False, True], [False, False], [True, False]]
    # Weights stay those of the graph, 1/3 and 1/4: the weight of a lost message goes to the own model.
    torch.testing.assert_close(roster.metropolis, torch.tensor([[0, 1 / 4], [1 / 3, 0], [1 / 4, 0]]))
    # Without a message the row is the learner's own; nodes 0, 1, 3 have learner rows 0, 1, 2.
    assert roster.rows[0, 0] == 0
    assert roster.rows[1].tolist() == [0, 1]
    assert roster.attacker.tolist() == [0, 0]
    assert roster.victim.tolist() == [0, 3]
    assert roster.victim_row.tolist() == [0, 2]
    assert [counts.tolist() for counts in roster.arrived] == [[1, 0, 1], [0, 1, 0]]
    assert [counts.tolist() for counts in whole.arrived] == [[1, 1, 1], [1, 1, 0]]


def test_a_roster_of_everybody_has_a_column_for_every_other_node():
    network = graph(4, [(0, 1), (1, 2), (2, 3)], byzantine=[1])
    roster = Roster.of(network, (0, 2, 3), CPU, everybody=True)
    assert roster.senders.tolist() == [[1, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert roster.present.tolist() == [[True, False, False], [False, True, True], [False, False, True]]
    assert roster.byzantine.tolist() == [[True, False, False], [False, True, False], [False, False, False]]
    torch.testing.assert_close(roster.metropolis, torch.tensor([[1 / 3, 0, 0], [0, 1 / 3, 1 / 3], [0, 0, 1 / 3]]))
    # Nodes 0, 2, 3 have learner rows 0, 1, 2; without a message the row is the learner's own.
    assert roster.rows[0, 1:].tolist() == [0, 0]
    assert (roster.rows[1, 0], roster.rows[1, 2]) == (1, 2)
    assert roster.rows[2].tolist() == [2, 2, 1]
    assert (roster.attacker.tolist(), roster.victim.tolist()) == ([0, 0], [0, 2])


@pytest.mark.parametrize("keys", ["redraw", "drop"])
@pytest.mark.parametrize("name", choices("defense"))
def test_a_rule_sees_what_arrived_and_nothing_else(tiny, name, keys):
    """A round equals the rule's aggregate of an inbox by hand, with the delivered messages alone."""
    topology, defense, t = erdos(**KEYS[keys]), chosen("defense", name), 3
    experiment = standing_still(built(tiny, topology, defense=defense, seed=4, rounds=6))
    state = experiment.initial()
    x = state.models + random_models(*state.models.shape, seed=8, spread=0.3)
    after, _ = one_round(experiment, state._replace(models=x, round=t))

    network, lost = experiment.networks[t // 2 if "redraw_every" in KEYS[keys] else 0], np.zeros((7, 7), dtype=bool)
    if topology.drop:
        lost = lost_by_hand(4, t, 7, topology.drop)
    benign, lie = network.benign, -x.amax(0)
    heard = [[j for j in network.neighbours[i] if not lost[i, j]] for i in benign]
    assert len({len(row) for row in heard}) > 1
    assert lost.any() == bool(topology.drop)
    inbox = make_inbox(
        x.tolist(),
        [[(lie if j in network.byzantine else x[benign.index(j)]).tolist() for j in row] for row in heard],
        byzantine=[[j in network.byzantine for j in row] for row in heard],
        metropolis=[[network.metropolis(i, j) for j in row] for i, row in zip(benign, heard, strict=True)],
    )

    def loss_of(models, rows, wanted, fresh, measure="loss"):
        return experiment.model.losses(models, rows, wanted, partial(experiment.batch, round=t, fresh=fresh), measure)

    run_of_it = {"round": t, "rounds": 6, "seed": 4, "classes": 3, "nodes": experiment.learners}
    inbox = dataclasses.replace(inbox, **run_of_it, before=x, loss_of=loss_of)
    by_hand = aggregate(defense, inbox)
    torch.testing.assert_close(after.models, by_hand.models, rtol=1e-4, atol=1e-5)


def test_the_mean_of_what_arrived_has_metropolis_weights(tiny):
    topology = erdos(drop=0.4)
    experiment = standing_still(built(tiny, topology, br=0.0, defense=Mean(name="mean")))
    state = experiment.initial()
    x = state.models + random_models(*state.models.shape, seed=8)
    after, _ = one_round(experiment, state._replace(models=x, round=2))
    adjacency = nx.to_numpy_array(nx.Graph(experiment.network.edges), nodelist=range(7))
    degree, lost = adjacency.sum(1), lost_by_hand(0, 2, 7, 0.4)
    w = adjacency * ~lost / (1 + np.maximum.outer(degree, degree))
    assert (adjacency.astype(bool) & lost).any()
    w += np.diag(1 - w.sum(1))
    np.testing.assert_allclose(after.models.numpy(), w @ x.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", choices("defense"))
def test_where_nothing_arrives_every_node_learns_alone(tiny, name):
    topology = erdos(drop=1 - 1e-15)
    defenses = chosen("defense", name), Local(name="local")
    experiments = [built(tiny, topology, defense=defense, rounds=1) for defense in defenses]
    (state, evaluation), (alone, _) = (run(experiment)[-1] for experiment in experiments)
    assert torch.equal(state.models, alone.models)
    row = evaluation.round_row()
    assert row["byzantine_accept_rate"] is row["benign_accept_rate"] is None  # of no message
    assert row["alone_rate"] in (1, None)


class Everything(Defense):
    """Accepts every delivered message, at equal weights."""

    def aggregate(self, state, inbox):
        return state, inbox.mix(inbox.present, alpha=0.5)


def test_rates_are_of_what_arrived_by_hand(tiny, monkeypatch):
    # Node 3 is Byzantine. Benign nodes hear: 0: 1, 2, 3. 1: 0, 3. 2: 0.
    network = graph(4, [(0, 1), (0, 2), (0, 3), (1, 3)], byzantine=[3])
    lost = torch.zeros(3, 4, 4, dtype=torch.bool)
    lost[0, 0, 1] = lost[0, 0, 3] = lost[1, 2, 0] = lost[1, 1, 3] = True
    monkeypatch.setattr(Links, "lost", lambda self, t: lost[t])
    attack, topology = Max(name="max", br=0.25), erdos(4, drop=0.5)
    experiments = [
        make_experiment(tiny, network, attack=attack, defense=d, topology=topology, rounds=3, eval_every=2)
        for d in (Everything(name="all"), Local(name="local"))
    ]
    every, alone = ([e for _, e in run(experiment) if e is not None] for experiment in experiments)
    row = every[1].round_row()
    # From node 3 arrived: one in each of the first two rounds. Benign: to 0 1 + 2, to 1 1 + 1, to 2 1 + 0.
    assert (row["byzantine_accept_rate"], row["benign_accept_rate"]) == (1, 1)
    assert [n["byzantine_accepted"] for n in every[1].node_rows()] == [1, 1, 0]
    assert [n["benign_accepted"] for n in every[1].node_rows()] == [3, 2, 1]
    assert [n["neighbours"] for n in every[1].node_rows()] == [3, 2, 1]  # the graph's
    assert [n["byzantine_neighbours"] for n in every[1].node_rows()] == [1, 1, 0]
    # Weights: node 0 had 1/3 of 1/2 from its attacker in round 1, node 1 1/2 of 1/2 in round 0; of 6 node-rounds.
    assert row["byzantine_weight"] == pytest.approx((1 / 6 + 1 / 4) / 6)
    assert row["alone_rate"] == 1 / 6  # node 2 in round 1
    assert every[1].tally.byzantine_arrived.tolist() == [1, 1, 0]
    assert every[1].tally.benign_arrived.tolist() == [3, 2, 1]
    # The third round, of which nothing is lost, is counted for itself.
    assert every[2].tally.benign_arrived.tolist() == [2, 1, 1]
    assert (alone[1].round_row()["byzantine_accept_rate"], alone[1].round_row()["alone_rate"]) == (0, 1)


class Half(Defense):
    """Accepts the first delivered message."""

    def aggregate(self, state, inbox):
        return state, inbox.mix(inbox.present & (inbox.present.cumsum(1) == 1), alpha=0.5)


def test_rates_over_rounds_of_several_graphs_by_hand(tiny):
    # Node 3 is Byzantine. First 0: 1, 3. 1: 0, 3. 2: 3. Then 0: 1, 2. 1: 0. 2: 0, 3.
    first = graph(4, [(0, 1), (0, 3), (1, 3), (2, 3)], byzantine=[3])
    second = graph(4, [(0, 1), (0, 2), (2, 3)], byzantine=[3])
    topology, attack = erdos(4, redraw_every=1, require="none"), Max(name="max", br=0.25)
    experiment = make_experiment(tiny, first, attack=attack, defense=Half(name="h"), topology=topology, rounds=2)
    found = [e for _, e in run(dataclasses.replace(experiment, networks=(first, second), eval_every=2))]
    last = [e for e in found if e is not None][-1]
    # Let in, first: 0's 1, 1's 0, 2's 3. Then 0's 1, 1's 0, 2's 0. Offered by node 3: 3 + 1; by the benign: 2 + 4.
    assert last.round_row()["byzantine_accept_rate"] == 1 / 4
    assert last.round_row()["benign_accept_rate"] == 5 / 6
    # Who is a neighbour is said of the last round before the evaluation.
    assert [n["neighbours"] for n in last.node_rows()] == [2, 1, 2]
    assert [n["byzantine_neighbours"] for n in last.node_rows()] == [0, 0, 1]
    start = next(e for e in found if e is not None)
    assert [n["neighbours"] for n in start.node_rows()] == [2, 2, 1]


# Which messages are lost


def test_messages_are_lost_at_their_rate_each_direction_and_round_by_itself():
    n, rounds, drop = 12, 60, 0.3
    links = Links((graph(n, [(0, 1)]),), erdos(n, drop=drop), tuple(range(n)), 5, CPU)
    lost = torch.stack([links.lost(t) for t in range(rounds)])
    np.testing.assert_array_equal(lost.numpy(), [lost_by_hand(5, t, n, drop) for t in range(rounds)])

    def near(share, expected, count):
        assert abs(float(share) - expected) < 4 * (expected * (1 - expected) / count) ** 0.5

    off = ~torch.eye(n, dtype=torch.bool)
    near(lost[:, off].float().mean(), drop, rounds * n * (n - 1))
    near((lost & lost.mT)[:, off].float().mean(), drop**2, rounds * n * (n - 1) / 2)
    near((lost[1:] & lost[:-1])[:, off].float().mean(), drop**2, (rounds - 1) * n * (n - 1) / 2)


def test_a_higher_rate_loses_the_same_messages_and_more():
    some, more = (Links((graph(9, [(0, 1)]),), erdos(9, drop=drop), (0, 1), 5, CPU) for drop in (0.2, 0.5))
    assert all(not (some.lost(t) & ~more.lost(t)).any() and (more.lost(t) & ~some.lost(t)).any() for t in range(5))


def test_what_is_lost_and_the_graphs_are_the_same_for_every_attack_and_defense(tiny):
    """For any set of learners, and for requests in any order."""
    one = built(tiny, erdos(**KEYS["both"]), seed=3, rounds=8)
    other = built(tiny, erdos(**KEYS["both"]), seed=3, rounds=8, attack=LabelFlip(name="label_flip", br=0.3))
    assert one.networks == other.networks
    assert one.learners != other.learners
    place = [other.learners.index(i) for i in one.learners]
    theirs = {t: other.links.roster(t) for t in reversed(range(8))}
    for t in range(8):
        mine = one.links.roster(t)
        assert torch.equal(mine.present, theirs[t].present[place])
        assert torch.equal(mine.byzantine, theirs[t].byzantine[place])
        assert torch.equal(mine.metropolis, theirs[t].metropolis[place])


def test_losing_messages_moves_no_graph_and_another_seed_loses_others(tiny):
    with_losses, without = (built(tiny, erdos(drop=drop)) for drop in (0.5, 0.0))
    assert with_losses.networks == without.networks
    assert not torch.equal(with_losses.links.lost(0), built(tiny, erdos(drop=0.5), seed=1).links.lost(0))


def test_a_graph_that_stays_and_loses_nothing_has_one_roster(tiny):
    links = built(tiny, erdos(), rounds=9).links
    assert all(links.roster(t) is links.roster(0) for t in range(9))
    assert links.roster(0).present.shape[1] == max(len(links.networks[0].neighbours[i]) for i in links.learners)


# Graphs that are redrawn


def test_the_graph_changes_at_multiples_and_the_byzantine_set_never(tiny):
    experiment = built(tiny, erdos(redraw_every=3), rounds=11, seed=2)
    assert len(experiment.networks) == 4  # rounds 0, 3, 6, 9
    assert experiment.networks[0] == draw_network(erdos(), 0.3, 2)
    assert len({network.neighbours for network in experiment.networks}) == 4
    assert {network.byzantine for network in experiment.networks} == {experiment.network.byzantine}
    for t in range(11):
        network, roster = experiment.links.network(t), experiment.links.roster(t)
        assert network is experiment.networks[t // 3]
        heard = [row[there].tolist() for row, there in zip(roster.senders, roster.present, strict=True)]
        assert heard == [list(network.neighbours[i]) for i in experiment.learners]


@pytest.mark.parametrize("name", sorted(set(choices("topology")) - {"complete", "file"}))
def test_every_later_graph_is_of_its_family_and_fulfils_what_is_required(name):
    topology = chosen("topology", name, n=12, redraw_every=5)
    first = draw_network(topology, 0.1, seed=1)
    later = draw_redraws(topology, 0.1, 1, 21, first)
    assert len(later) == 4
    assert len({network.neighbours for network in (first, *later)}) > 2
    assert len(first.byzantine) == 1
    for network in later:
        drawn = nx.Graph(network.edges)
        assert nx.is_connected(drawn)
        assert nx.is_connected(drawn.subgraph(network.benign))
        assert network.byzantine == first.byzantine
        if name in ("ring", "torus", "star", "tree", "barbell", "exponential"):
            assert nx.is_isomorphic(drawn, nx.Graph(first.edges))


def test_later_graphs_depend_on_the_seed_and_their_place_alone():
    topology = erdos(9, redraw_every=4)
    first = draw_network(topology, 0.3, seed=6)
    short, long = (draw_redraws(topology, 0.3, 6, rounds, first) for rounds in (13, 40))
    assert len(short) == 3
    assert short == long[:3]
    often = draw_redraws(erdos(9, redraw_every=1), 0.3, 6, 4, first)
    assert often == short  # the second graph is the second graph, whenever it comes
    assert draw_redraws(topology, 0.3, 7, 13, draw_network(topology, 0.3, 7)) != short
    # None is what the first one's stream would have given next.
    next_ones = [set(topology.draw(stream(6, "graph", d)).edges) for d in range(12)]
    assert all(set(network.edges) not in next_ones for network in long)


@pytest.mark.parametrize("placement", ["degree", "betweenness"])
def test_central_nodes_are_those_of_the_first_graph(placement):
    topology = erdos(10, redraw_every=1, placement=placement)
    first = draw_network(topology, 0.3, seed=0)
    later = draw_redraws(topology, 0.3, 0, 6, first)
    assert {network.byzantine for network in later} == {first.byzantine}


def test_redrawing_what_never_differs_is_refused(tmp_path):
    for name, keys in (("complete", {}), ("file", {"path": "x.edges"})):
        with pytest.raises(ConfigError) as raised:
            chosen("topology", name, redraw_every=3, **keys)
        takes = f"0, as every draw of topology={name} gives the same graph"
        assert str(raised.value) == f"topology.redraw_every is 3, but must be {takes}"
        chosen("topology", name, drop=0.3, **keys)
    assert File(name="file", n=3, path="x.edges", shuffle=True, redraw_every=3).redraw_every == 3


@pytest.mark.parametrize(
    ("key", "value", "takes"),
    [
        ("redraw_every", -1, "an integer, at least 0"),
        ("redraw_every", 0.5, "an integer, at least 0"),
        ("drop", 1.0, "a number in [0, 1)"),
        ("drop", -0.1, "a number in [0, 1)"),
    ],
)
def test_wrong_values_are_refused(key, value, takes):
    with pytest.raises(ConfigError) as raised:
        chosen("topology", "ring", **{key: value})
    assert str(raised.value) == f"topology.{key} is {value}, but must be {takes}"


def test_a_later_graph_that_cannot_be_had_is_refused_before_the_first_round(tiny, monkeypatch):
    monkeypatch.setattr(draw, "MAX_DRAWS", 1)
    topology = ErdosRenyi(name="erdos_renyi", n=8, cr=0.35, require="connected", redraw_every=5)
    network = graph(8, [(i, i + 1) for i in range(7)])
    with pytest.raises(ConfigError) as raised:
        make_experiment(tiny, network, topology=topology, rounds=100)
    first_to_fail = next(p for p in range(1, 20) if not nx.is_connected(topology.draw(stream(0, "redraw", p, 0))))
    none = f"topology.require is 'connected', but none of 1 graphs drawn for round {5 * first_to_fail} meets it"
    for part in (none, "; try topology.redraw_every=0", "topology.cr=0.35"):
        assert part in str(raised.value)


def test_trust_follows_its_node(tiny):
    """Credibility holds a value per neighbour, which a new neighbour must not inherit."""
    # Node 1 attacks. Node 0 hears 1 and 2, then 3 and 4 in their place, then 1 and 2 again.
    first = graph(5, [(0, 1), (0, 2), (2, 3), (3, 4)], byzantine=[1])
    second = graph(5, [(0, 3), (0, 4), (2, 3), (1, 4)], byzantine=[1])
    topology = erdos(5, redraw_every=4, require="none")
    attack, defense = Max(name="max", br=0.2), Credibility(name="credibility", sharpness=10.0)
    experiment = make_experiment(tiny, first, attack=attack, defense=defense, topology=topology, rounds=12)
    states = [state for state, _ in run(dataclasses.replace(experiment, networks=(first, second, first)))]
    trust = [dict(zip((1, 2, 3, 4), state.defense.trust[0].tolist(), strict=True)) for state in states]
    assert trust[4][1] < trust[4][2] - 0.02 < 0.98  # the attacker lost more
    assert trust[4][3] == trust[4][4] == 1  # nobody has met them
    for t in (5, 6, 7, 8):
        assert (trust[t][1], trust[t][2]) == (trust[4][1], trust[4][2])
    assert trust[8][3] != 1 != trust[8][4]
    assert trust[12][1] < trust[8][1]
    assert (trust[12][3], trust[12][4]) == (trust[8][3], trust[8][4])


def test_trust_in_who_was_not_heard_stays(tiny, monkeypatch):
    network = graph(3, [(0, 1), (0, 2), (1, 2)], byzantine=[1])
    lost = torch.zeros(3, 3, dtype=torch.bool)
    lost[0, 1] = True
    monkeypatch.setattr(Links, "lost", lambda self, t: lost)
    experiment = make_experiment(
        tiny,
        network,
        attack=Max(name="max", br=0.3),
        defense=Credibility(name="credibility", sharpness=10.0),
        topology=erdos(3, drop=0.5),
    )
    trust = run(experiment)[-1][0].defense.trust
    assert trust[0, 0] == 1  # of node 1 by node 0
    assert trust[1, 1] < 0.9  # of node 1 by node 2


# Whole runs


@pytest.mark.parametrize(
    ("attack", "defense", "pre"),
    [*((*pair, "none") for pair in pairs("dissensus", "loss_threshold")), *(("max", "ios", p) for p in choices("pre"))],
)
def test_every_choice_runs_on_varying_links(tiny, attack, defense, pre):
    experiment = built(
        tiny,
        erdos(redraw_every=2, drop=0.7),
        attack=chosen("attack", attack, br=0.3),
        defense=chosen("defense", defense),
        pre=chosen("pre", pre),
        rounds=4,
        eval_every=4,
    )
    # Most nodes hear nobody in some round, and in some round no Byzantine message arrives at all.
    assert any(not experiment.links.roster(t).present.any(1).all() for t in range(4))
    state, evaluation = run(experiment)[-1]
    assert state.models[experiment.benign].isfinite().all()
    row = evaluation.round_row()
    assert all(row[key] is None or 0 <= row[key] <= 1 for key in row if key.endswith("rate"))


@pytest.mark.parametrize("attack", [Max(name="max", br=0.3), LabelFlip(name="label_flip", br=0.3)])
def test_going_on_from_any_round_ends_with_the_same_bits(tiny, attack):
    def again():
        defense = Credibility(name="credibility", sharpness=10.0)
        return built(tiny, erdos(redraw_every=4, drop=0.3), attack=attack, defense=defense, rounds=11, eval_every=3)

    whole = run(again())
    for stopped in (1, 4, 6, 9):
        assert same_bits(run(again(), copy.deepcopy(whole[stopped][0])), whole[stopped + 1 :])


def test_a_longer_run_begins_as_a_shorter_one(tiny):
    """No round depends on the number of later graphs."""
    runs = [
        run(
            built(tiny, erdos(**KEYS["both"]), defense=Mean(name="mean"), pre=chosen("pre", "bucketing"), rounds=rounds)
        )
        for rounds in (5, 12)
    ]
    assert all(torch.equal(short.models, long.models) for (short, _), (long, _) in zip(*runs, strict=False))


def test_models_travel_farther_on_a_ring_that_is_redrawn(tiny):
    """What redrawing is for: gossip over changing rings agrees sooner than over one."""

    def distance(**keys):
        topology = Ring(name="ring", n=12, **keys)
        experiment = built(
            tiny, topology, br=0.0, defense=Mean(name="mean"), attack=NoAttack(name="none", br=0.0), rounds=12
        )
        state = experiment.initial()
        state = state._replace(models=random_models(*state.models.shape, seed=1))
        return run(standing_still(experiment), state)[-1][1].consensus_distance

    assert distance(redraw_every=1) < 0.5 * distance()
    assert distance(drop=0.5) > 1.2 * distance()


def test_run_json_says_how_often_the_graph_was_drawn(tmp_path):
    varying = config(tmp_path / "cache", "topology.redraw_every=5", "topology.drop=0.2", "defense=mean", "model=linear")
    execute(varying, tmp_path / "varying")
    facts = json.loads((tmp_path / "varying" / "run.json").read_text())
    assert facts["redraws"]["graphs"] == 4  # at rounds 5, 10, 15 and 20 of 24
    assert facts["redraws"]["draws"] >= 4
    execute({**varying, "topology": {**varying["topology"], "redraw_every": 0, "drop": 0.0}}, tmp_path / "still")
    still = json.loads((tmp_path / "still" / "run.json").read_text())
    assert "redraws" not in still
    # The edges are the first graph's, which redrawing leaves as it is.
    assert still["edges"] == facts["edges"]
    assert without_seconds(tmp_path / "still") != without_seconds(tmp_path / "varying")
