"""Pre-steps: the models that a defense sees, and the meaning of its decision for the received models."""

import dataclasses
import json
import math
from contextlib import nullcontext
from functools import cache

import pytest
import torch
from helpers import choices, chosen, filled_wire, graph, make_experiment, make_inbox, written
from omegaconf import OmegaConf

from byzdl.attacks import Messages
from byzdl.config.compose import compose
from byzdl.config.identity import plain, run_name
from byzdl.config.types import ConfigError
from byzdl.exchange import Conditions, Mix
from byzdl.exchange.tolerance import Tolerance
from byzdl.preaggregation import Blend, blended, unblend
from byzdl.runs.execute import execute
from byzdl.simulation.rounds import aggregate, exchange, simulate

STEPS = [name for name in choices("pre") if name != "none"]

KITE = [(0, 1), (0, 2), (1, 2), (2, 3), (1, 3)]


def seen(pre, inbox):
    """The models that a defense sees at the first learner: the own one, then the others."""
    after = blended(inbox, pre.blend(inbox))
    there = after.models[after.rows[0]][after.present[0]]
    return after.own[0].tolist(), there.tolist()


def test_nearest_neighbour_mixing_by_hand():
    # The pool is 0 | 1, 3, 10; f = 1 leaves means of three. Nearest to 0: 0, 1, 3; to 1: 1, 0, 3; to 3: 3, 1, 0;
    # to 10: 10, 3, 1.
    inbox = make_inbox([0.0], [[1.0, 3.0, 10.0]], byzantine=[[False, False, True]])
    own, others = seen(chosen("pre", "nnm"), inbox)
    assert own == pytest.approx([4 / 3])
    assert [x for (x,) in others] == pytest.approx([4 / 3, 4 / 3, 14 / 3])


def test_nearest_neighbour_mixing_of_nobody_is_nothing():
    inbox = make_inbox([0.0], [[1.0, 3.0]], byzantine=[[True, True]])
    assert seen(chosen("pre", "nnm", f=3), inbox) == ([0], [[1], [3]])


def test_what_is_not_finite_is_in_no_mean_and_found_by_the_defense():
    inbox = make_inbox([0.0], [[math.nan, 4.0, 8.0]], byzantine=[[True, False, False]])
    after = blended(inbox, chosen("pre", "nnm").blend(inbox))
    assert after.valid.tolist() == [[False, True, True]]
    assert after.own[0].item() == pytest.approx(4)  # of the three that are finite, as |N_i| + 1 - f = 3
    after = blended(inbox, chosen("pre", "bucketing").blend(inbox))
    assert after.models[after.rows[0]][after.present[0]].tolist() == [[6]]


def test_buckets_hold_everybody_once_and_are_drawn_anew_each_round():
    received = [[float(2**j) for j in range(5)]]
    inbox = make_inbox([0.0], received, metropolis=[[0.1] * 5])
    blend = chosen("pre", "bucketing", size=2).blend(inbox)
    parts = blend.shares[0, 1:, 1:]
    assert sorted((parts != 0).sum(1).tolist()) == [1, 2, 2]
    assert (parts != 0).sum(0).tolist() == [1] * 5
    assert parts.sum(1).tolist() == [1] * 3
    assert sorted(blend.metropolis[0].tolist()) == pytest.approx([0.1, 0.2, 0.2])
    drawn = {
        tuple((chosen("pre", "bucketing").blend(later).shares[0, 1:, 1:] != 0).flatten().tolist())
        for later in (make_inbox_at(t, received) for t in range(10))
    }
    assert len(drawn) > 3


def test_a_nodes_buckets_are_its_own_whoever_else_there_is():
    """Runs under attacks that train and under others that do not are compared in pairs."""

    def buckets(learners, degrees, node, t):
        inbox = make_inbox([0.0] * len(learners), [[1.0] * degree for degree in degrees])
        blend = chosen("pre", "bucketing").blend(dataclasses.replace(inbox, nodes=learners, round=t))
        return (blend.shares[learners.index(node), 1:, 1:] != 0).nonzero().tolist()

    for t in range(5):
        alone = buckets((3,), [5], 3, t)
        assert len(alone) == 5
        assert buckets((1, 3, 7), [9, 5, 2], 3, t) == alone
        assert buckets((3, 7), [5, 12], 3, t) == alone
    everybody = [buckets(tuple(range(8)), [6] * 8, node, 0) for node in range(8)]
    assert len({str(one) for one in everybody}) > 4


@pytest.mark.parametrize(("attack", "learners"), [("max", (0, 2, 3)), ("label_flip", (0, 1, 2, 3))])
def test_a_run_says_whose_buckets_they_are(attack, learners, tiny):
    experiment = make_experiment(tiny, graph(4, KITE, byzantine=[1]), attack=chosen("attack", attack, br=0.25))
    roster = experiment.links.roster(0)
    wire = filled_wire(torch.zeros(len(learners), experiment.model.d))
    inbox = exchange(experiment, 0, roster, wire, Messages(wire.own[:1], torch.zeros_like(roster.attacker)))
    assert inbox.nodes == learners


def make_inbox_at(round, received):
    return dataclasses.replace(make_inbox([0.0], received), round=round)


def test_a_decision_is_translated_to_the_received_models():
    # Two buckets, {a, b} and {c}; the defense accepts the first: half of its weight goes to each of a and b.
    inbox = make_inbox([0.0], [[4.0, 8.0, 100.0]])
    shares = torch.tensor([[[1.0, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1]]])
    blend = Blend(shares, torch.zeros(1, 2))
    after = blended(inbox, blend)
    mix = unblend(after.mix(torch.tensor([[True, False]]), 0.5), blend)
    assert mix.models.tolist() == [[3]]  # half of 0 and half of 6
    assert mix.weights.tolist() == [[0.25, 0.25, 0]]
    assert mix.selected.tolist() == [[True, True, False]]


@pytest.mark.parametrize("pre", STEPS)
@pytest.mark.parametrize("defense", choices("defense"))
def test_every_defense_takes_blended_models_or_says_that_it_cannot(pre, defense, tiny):
    rule, step = chosen("defense", defense), chosen("pre", pre)
    if rule.knows_neighbours and step.regroups:
        return  # refused before anything is read: tests/test_cli.py
    experiment = make_experiment(
        tiny, graph(4, KITE, byzantine=[1]), attack=chosen("attack", "max", br=0.25), defense=rule, pre=step, rounds=2
    )
    *_, (_, last) = simulate(experiment, experiment.initial())
    assert last.round == 2


@pytest.mark.parametrize("pre", STEPS)
@pytest.mark.parametrize("defense", ["loss_threshold", "ubar", "d_krum", "d_zeno", "median", "mean", "local"])
def test_the_logged_weights_reproduce_the_result_from_the_received_models(pre, defense, tiny):
    """Whatever weights the logs show are those that were used: on the models as they were on the wire."""
    experiment = make_experiment(
        tiny,
        graph(4, KITE, byzantine=[1]),
        attack=chosen("attack", "sign_flip", br=0.25),
        defense=chosen("defense", defense),
        pre=chosen("pre", pre),
        rounds=3,
    )
    inboxes = []

    def watched(experiment, state, inbox):
        state, mix = aggregate(experiment, state, inbox)
        inboxes.append((inbox, mix))
        return state, mix

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("byzdl.simulation.rounds.aggregate", watched)
        *_, (_, last) = simulate(experiment, experiment.initial())
    assert last.score_mean > 0.5
    for inbox, mix in inboxes:
        # Where the own model is blended, too, what is left of the weights is not the own one's.
        blend = experiment.pre.blend(inbox)
        if mix.weights is not None and (blend is None or not blend.shares[:, 0, 1:].any()):
            torch.testing.assert_close(inbox.combine(mix.weights), mix.models, rtol=1e-4, atol=1e-6)


def test_without_a_pre_step_nothing_changes(tiny):
    inbox = make_inbox([0.0], [[1.0]])
    assert chosen("pre", "none").blend(inbox) is None


def test_mixing_first_is_what_saves_a_median_from_skewed_data(tiny):
    """A coordinate-wise median of what is far apart is nobody's model; of neighbourhood means it is near their mean."""
    benign = [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]]
    inbox = make_inbox([[3.0, 3.0, 3.0]], [[*benign, [0.0, 0.0, 0.0]]], byzantine=[[False, False, False, True]])
    median = chosen("defense", "median")
    _, plain = median.aggregate((), inbox)
    blend = chosen("pre", "nnm").blend(inbox)
    _, mixed = median.aggregate((), blended(inbox, blend))
    mean = torch.tensor([3.0, 3.0, 3.0])
    assert (mixed.models[0] - mean).norm() < (plain.models[0] - mean).norm()


@cache
def default_config():
    return compose()


@pytest.mark.parametrize("defense", choices("defense"))
def test_local_and_oracle_are_one_run_under_every_pre_step(defense):
    others = {**default_config(), "defense": written("defense", defense)}
    runs = {pre: plain(OmegaConf.create({**others, "pre": written("pre", pre)})) for pre in choices("pre")}
    assert len(set(map(run_name, runs.values()))) == (1 if defense in ("local", "oracle") else len(runs))
    assert runs["none"]["pre"] == {"_target_": "byzdl.preaggregation.none.NoPre", "name": "none"}


def test_a_weight_by_rounding_alone_accepts_nothing():
    # The own model has no weight, and 1/10 ten times is not quite 1.
    weights = torch.full((1, 10), 0.1)
    assert (1 - weights.sum(1)).item() != 0
    shares = torch.zeros(1, 11, 12)  # of the own model and eleven that came in
    shares[0, 0, [0, 11]] = 0.5  # of the own one's blend the last of them is half
    shares[0, 1:, 1:11] = torch.eye(10)  # and each of the first ten is one that the defense sees
    mix = unblend(
        Mix(torch.zeros(1, 1), torch.ones(1, 10, dtype=torch.bool), weights), Blend(shares, torch.zeros(1, 10))
    )
    assert mix.selected.tolist() == [[True] * 10 + [False]]


def test_nearest_neighbour_mixing_says_where_f_is_too_much():
    # Node 0 has four neighbours, 1 and 2 have two, 3 and 4 one; node 5 has none, and gets no warning.
    network = graph(6, [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2)], byzantine=[3])
    with pytest.raises(
        ConfigError,
        match=r"^pre\.f is 1, but must be an integer below 1, the number of neighbours of node 4, or known$",
    ):
        chosen("pre", "nnm", f=1).check(Conditions(network))
    chosen("pre", "nnm").check(Conditions(network))
    chosen("pre", "nnm", f=0).check(Conditions(network))
    assert chosen("pre", "nnm").facts(Conditions(network)) == {"f": {0: 1, 1: 0, 2: 0, 4: 0, 5: 0}}
    # f = 1 of a pool of two is half of it; of three, |N_i| = 2f, it is a minority.
    warning = chosen("pre", "nnm", f=1).facts(Conditions(network))["warning"]
    assert warning.startswith(
        "nnm: |N_i| < 2f at 1 of 5 benign nodes (4): at these nodes f models are no minority of the pool"
    )


@pytest.mark.parametrize("pre", choices("pre"))
def test_a_step_with_f_refuses_one_that_leaves_nothing(pre):
    network = graph(3, [(0, 1), (1, 2), (0, 2)], byzantine=[1])
    takes_f = isinstance(chosen("pre", pre), Tolerance)
    with pytest.raises(ConfigError, match=r"^pre\.f is 50, but must be") if takes_f else nullcontext():
        chosen("pre", pre, **({"f": 50} if takes_f else {})).check(Conditions(network))
    assert ("f" in chosen("pre", pre).facts(Conditions(network))) == takes_f


def test_a_reference_line_has_no_step_to_warn_of_nor_to_refuse(tmp_path):
    graph_keys = ["topology=complete", "topology.n=4"]
    keys = ["pre=nnm", "dataset=synthetic", f"dataset.cache={tmp_path}", *graph_keys, "rounds=1", "batch_size=8"]
    for defense, f, says in (("local", 9, []), ("median", 2, ["f", "warning"])):
        config = compose(*keys, f"defense={defense}", f"pre.f={f}", "attack.br=0.1", "attack=none")
        execute(config, tmp_path / defense)
        assert list(json.loads((tmp_path / defense / "run.json").read_text())["pre"]) == says


def test_f_is_of_the_models_that_the_defense_sees():
    everybody = graph(6, [(i, j) for i in range(6) for j in range(i)], byzantine=[4, 5])
    halves = chosen("pre", "bucketing").seen
    assert [halves(k) for k in (0, 1, 2, 5)] == [0, 1, 1, 3]
    nna = chosen("defense", "nna", f=3)
    nna.check(Conditions(everybody))
    with pytest.raises(
        ConfigError,
        match=r"^defense\.f is 3, but must be an integer below 3, the number of models that pre makes of 5 neighbours, "
        r"or known$",
    ):
        nna.check(Conditions(everybody, seen=halves))
    cs_plus = chosen("defense", "cs_plus")  # f known: two of five, and of three
    assert "warning" not in cs_plus.facts(Conditions(everybody))
    warning = cs_plus.facts(Conditions(everybody, seen=halves))["warning"]
    assert "cs_plus: models after the pre-step < " in warning
    assert "at 4 of 4 benign nodes" in warning
