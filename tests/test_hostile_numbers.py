"""Hostile numbers: NaN, infinities, 3e38, denormals, ties, and nodes without neighbours, under every defense.

First come tables of one node's received models and losses, and of each rule's selection, by hand. Then come whole tiny
simulations. Tests of every rule, new ones included, are in `test_contracts.py`.
"""

import dataclasses
import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from helpers import (
    choices,
    chosen,
    delivered,
    graph,
    make_experiment,
    make_inbox,
    pairs,
    random_models,
    selected,
    view,
)

from byzdl.attacks import Attack, Messages
from byzdl.models import Cnn, Linear, Mlp
from byzdl.simulation.evaluation import Scores, evaluate
from byzdl.simulation.rounds import one_round, simulate
from byzdl.simulation.settings import Optimizer

NAN, INF = math.nan, math.inf
HUGE = 3e38  # finite in float32, whose largest number is 3.4e38; twice it and its square are not
DENORMAL = 1e-40

# The documented exception: plain decentralized SGD mixes in every received model.
DEFENDED = [name for name in choices("defense") if name != "mean"]


def late(rule, neighbours):
    """The state of one node after many epochs without improvement: theta has fallen to its lowest value."""
    state = rule.init(1, neighbours)
    for _ in range(30):
        state = rule.end_epoch(
            state, torch.ones(1, dtype=torch.bool), lambda of, metric: torch.full((1,), 0.5).double()
        )
    return state


# Every rule, in every state that makes a difference in the tables below.
RULES = {
    "loss_threshold": chosen("defense", "loss_threshold"),  # theta = 0.1
    "loss_threshold, late": chosen("defense", "loss_threshold"),  # theta = -0.1, and its fall-back
    "ubar": chosen("defense", "ubar"),  # rho = 0.4: 2 of 5 neighbours, or of 4, or of 3
    "d_krum": chosen("defense", "d_krum"),  # f is the true number
    "d_krum, f=1": chosen("defense", "d_krum", f=1),
    "d_zeno": chosen("defense", "d_zeno"),
    "d_zeno, f=1": chosen("defense", "d_zeno", f=1),
    "mean": chosen("defense", "mean"),
    "local": chosen("defense", "local"),
    "oracle": chosen("defense", "oracle"),
}


@dataclass(frozen=True)
class Case:
    """The models that one node received, and those that each rule accepts."""

    received: list[list[float]]
    losses: list[float]
    byzantine: tuple[int, ...]
    selects: dict[str, list[int]]
    own: list[float] = field(default_factory=lambda: [0.0, 0.0])
    own_loss: float = 1.0
    fallback: tuple[str, ...] = ()

    def inbox(self, byzantine=None, crowd=0):
        """- `crowd`: number of further models on the wire; with many, distances are computed learner by learner."""
        flags = [j in (self.byzantine if byzantine is None else byzantine) for j in range(len(self.received))]
        inbox = make_inbox(
            [self.own],
            [self.received],
            own_losses=[self.own_loss],
            losses=[self.losses],
            byzantine=[flags],
            metropolis=[[0.125] * len(flags)],
        )
        return dataclasses.replace(inbox, models=torch.cat([inbox.models, random_models(crowd, 2)]))

    def mixed(self, name):
        """The mix of the selected models, in float64: eq. 3 for mean, a uniform mean for oracle, else eq. 6-7."""
        own, accepted = np.array(self.own), np.array([self.received[j] for j in self.selects[name]])
        if name == "mean":
            return own * (1 - 0.125 * len(accepted)) + (0.125 * accepted).sum(0)
        return (own + accepted.sum(0)) / (1 + len(accepted)) if name == "oracle" else 0.5 * own + 0.5 * accepted.mean(0)


def aggregated(name, inbox):
    rule, k = RULES[name], inbox.rows.shape[1]
    return rule.aggregate(late(rule, k) if name.endswith("late") else rule.init(1, k), inbox)[1]


def with_attackers(one, other, loss, **selects):
    """Three benign neighbours, 0, 2 and 4, and two attackers, 1 and 3, whose models have the same loss.

    By default, only mean accepts the attackers. Of the benign neighbours, 0 (loss 0.6) and 2 (0.5) beat the own loss
    1.0 by theta, and 4 (2.0) does not. The nearest two are 2 and 0. Squared distances:
    9 between 2 and 4, 10 between 0 and 2, 25 between 0 and 4. Krum's |N_i| - f - 2 is 1 for f = 2: 2 and 4
    tie at 9. It is 2 for f = 1: 2 has 9 + 10, the least.
    """
    benign = {
        "loss_threshold": [0, 2],
        "loss_threshold, late": [0, 2],
        "ubar": [0, 2],
        "d_krum": [2],
        "d_krum, f=1": [2],
        "d_zeno": [0, 2, 4],  # three, all but f = 2
        "d_zeno, f=1": [0, 2, 4],  # it would take four, but what is not finite is never selected
        "mean": [0, 1, 2, 3, 4],
        "local": [],
        "oracle": [0, 2, 4],
    }
    received = [[0.0, 3.0], one, [1.0, 0.0], other, [4.0, 0.0]]
    return Case(received, [0.6, loss, 0.5, loss, 2.0], (1, 3), {**benign, **selects})


def ordinary(factor=1.0, **more):
    """Five finite models, of which 1 and 3 are Byzantine, at any scale; the losses are given with them.

    Losses: 0, 1 and 2 pass theta. Distances to 0: 2 and 1 are the nearest. Squared distances between
    them: 1-2, 2-4: 9; 0-2: 10; 0-1: 13; 0-4: 25; 2-3: 26; 1-3: 29; 1-4: 36; 3-4: 41; 0-3: 64. The nearest
    other is at 9 from 1, 2 and 4, of which 1 is the left; the nearest two are at 9 + 9 from 2 alone.
    """
    received = [[0, 3], [-2, 0], [1, 0], [0, -5], [4, 0]]
    case = Case(
        [[factor * x for x in model] for model in received],
        [0.6, 0.3, 0.5, 3.0, 2.0],
        (1, 3),
        {
            "loss_threshold": [0, 1, 2],
            "loss_threshold, late": [0, 1, 2],
            "ubar": [1, 2],
            "d_krum": [1],
            "d_krum, f=1": [2],
            "d_zeno": [0, 1, 2],
            "d_zeno, f=1": [0, 1, 2, 4],
            "mean": [0, 1, 2, 3, 4],
            "local": [],
            "oracle": [0, 2, 4],
        },
    )
    return dataclasses.replace(case, **more)


# With a non-finite own loss, any finite loss is better by infinity.
LOST = {"loss_threshold": [0, 1, 2, 3, 4], "loss_threshold, late": [0, 1, 2, 3, 4]}
# A huge own model is equally far from all others: stage 1 takes the leftmost ones.
LOST_FAR_AWAY = {**ordinary().selects, **LOST, "ubar": [0, 1]}
BY_LOSS = ("loss_threshold", "loss_threshold, late", "ubar", "d_zeno", "d_zeno, f=1")
NO_LOSS_IS_FINITE = {**ordinary().selects, **{name: [] for name in BY_LOSS}}
NOBODY: dict[str, list[int]] = {name: [] for name in RULES}

CASES = {
    # The losses of non-finite models are lures: no rule may ask for them.
    "NaN": with_attackers([NAN, NAN], [NAN, NAN], 0.0),
    "+inf": with_attackers([INF, INF], [INF, INF], 0.0),
    "-inf": with_attackers([-INF, -INF], [-INF, -INF], 0.0),
    "inf and -inf": with_attackers([INF, -INF], [-INF, INF], 0.0),
    "NaN from benign neighbours": dataclasses.replace(with_attackers([NAN, NAN], [NAN, NAN], 0.0), byzantine=()),
    "NaN in one coordinate": with_attackers([0.1, NAN], [NAN, 0.1], 0.0),
    # Krum with |N_i| = 5 <= 2f + 2 = 6: one nearest other counts, and the twins are at 0 from each other.
    "3e38 twice": with_attackers([HUGE, HUGE], [HUGE, HUGE], NAN, d_krum=[1]),
    "3e38 and -3e38": with_attackers([HUGE, HUGE], [-HUGE, -HUGE], NAN),
    # At any weights, a network may give the same output for all images, with a finite loss. Rules that go by the
    # loss alone accept such a model; the nearest two are others.
    "3e38 of a good loss": with_attackers(
        [HUGE, HUGE],
        [-HUGE, HUGE],
        0.3,
        **{
            "loss_threshold": [0, 1, 2, 3],
            "loss_threshold, late": [0, 1, 2, 3],
            "d_zeno": [1, 2, 3],
            "d_zeno, f=1": [0, 1, 2, 3],
        },
    ),
    "3e38 and -3e38 in each": with_attackers([HUGE, -HUGE], [-HUGE, HUGE], INF),
    # All but 0, and so all but the own model: its loss, the least distance, and twins for Krum (at f = 1
    # both score 0 + 1, 2 scores 1 + 1). Zeno's third and fourth tie in loss.
    "denormals": with_attackers(
        [DENORMAL, DENORMAL],
        [DENORMAL, DENORMAL],
        1.0,
        **{
            "loss_threshold, late": [0, 1, 2, 3],
            "ubar": [1, 3],
            "d_krum": [1],
            "d_krum, f=1": [1],
            "d_zeno": [0, 1, 2],
            "d_zeno, f=1": [0, 1, 2, 3],
        },
    ),
    "ordinary numbers": ordinary(),
    "nothing but denormals": ordinary(DENORMAL),
    "nothing but huge numbers": ordinary(5e37),
    "own model huge": ordinary(own=[HUGE, -HUGE], own_loss=NAN, selects=LOST_FAR_AWAY),
    "own model NaN": ordinary(own=[NAN, NAN], own_loss=NAN, selects=LOST_FAR_AWAY),
    "own model infinite": ordinary(own=[INF, -INF], own_loss=INF, selects=LOST_FAR_AWAY),
    "own loss infinite": ordinary(own_loss=INF, selects={**ordinary().selects, **LOST}),
    # None of them is the least, -infinity neither, and there is no fall-back to any of them.
    "losses infinite": ordinary(losses=[NAN, INF, -INF, INF, NAN], selects=NO_LOSS_IS_FINITE),
    # Copies of the own model: no gain, no distance, one score. What counts neighbours takes the left ones.
    "all equal": Case(
        [[0.3, -7.0]] * 5,
        [1.0] * 5,
        (1, 3),
        {
            "loss_threshold": [],
            "loss_threshold, late": [0, 1, 2, 3, 4],
            "ubar": [0, 1],
            "d_krum": [0],
            "d_krum, f=1": [0],
            "d_zeno": [0, 1, 2],
            "d_zeno, f=1": [0, 1, 2, 3],
            "mean": [0, 1, 2, 3, 4],
            "local": [],
            "oracle": [0, 2, 4],
        },
        own=[0.3, -7.0],
    ),
    # Four corners of a square around the own model: equally far from it, every one from the two next to it,
    # and equally bad, so that fall-backs tie, too.
    "all rankings tied": Case(
        [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]],
        [2.0] * 4,
        (0, 1),
        {
            "loss_threshold": [],
            "loss_threshold, late": [0],
            "ubar": [0],
            "d_krum": [0],
            "d_krum, f=1": [0],
            "d_zeno": [0, 1],
            "d_zeno, f=1": [0, 1, 2],
            "mean": [0, 1, 2, 3],
            "local": [],
            "oracle": [2, 3],
        },
        fallback=("loss_threshold, late", "ubar"),
    ),
    # |N_i| - f = 0: Zeno selects nothing, Krum the left of 1 and 2, at 5 from each other: one nearest other
    # counts where |N_i| - f - 2 is -2, or 0 for f = 1. Rules that know of no f go by the losses that they see.
    "every neighbour Byzantine": Case(
        [[4.0, 0.0], [1.0, 0.0], [0.0, 2.0]],
        [2.0, 0.5, 0.6],
        (0, 1, 2),
        {
            "loss_threshold": [1, 2],
            "loss_threshold, late": [1, 2],
            "ubar": [1, 2],
            "d_krum": [1],
            "d_krum, f=1": [1],
            "d_zeno": [],
            "d_zeno, f=1": [1, 2],
            "mean": [0, 1, 2],
            "local": [],
            "oracle": [],
        },
    ),
    "every neighbour sends NaN": Case(
        [[NAN, 0.0], [0.0, NAN], [NAN, NAN]],
        [0.0] * 3,
        (0, 1, 2),
        {**NOBODY, "mean": [0, 1, 2]},
    ),
    "isolated": Case([], [], (), NOBODY),
}


@pytest.mark.parametrize("crowd", [0, 40], ids=["alone", "in a crowd"])
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_every_rule_selects_and_mixes_what_is_written(case, name, crowd):
    inbox = case.inbox(crowd=crowd)
    mix = aggregated(name, inbox)
    assert selected(mix) == case.selects[name]
    assert bool(mix.fallback) == (name in case.fallback)
    if not case.selects[name]:
        assert torch.equal(mix.models.view(torch.int32), inbox.own.view(torch.int32)), "kept bit by bit"
        return
    involved = np.array([case.own, *(case.received[j] for j in case.selects[name])])
    if not np.isfinite(involved).all():  # the own model, or under mean
        assert not mix.models.isfinite().all()
        return
    # To a float32's digits of the largest number in play, and to the last denormal.
    near = 1e-6 * np.abs(involved).max() + 3e-45
    np.testing.assert_allclose(mix.models[0].numpy(), case.mixed(name), rtol=1e-6, atol=near)


@pytest.mark.parametrize("name", DEFENDED)
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_no_defense_lets_in_what_is_not_finite_nor_overflows_by_itself(case, name):
    """For a new defense, which has no row above."""
    inbox, rule = case.inbox(), chosen("defense", name)
    mix = rule.aggregate(rule.begin(*inbox.rows.shape, inbox.own.shape[1]), inbox)[1]
    assert mix.models.isfinite().all() or not inbox.own.isfinite().all()
    assert mix.selected is None or inbox.valid[mix.selected].all()
    if not inbox.valid.any():
        assert torch.equal(mix.models, inbox.own)


@pytest.mark.parametrize("name", [name for name in RULES if name != "oracle"])
@pytest.mark.parametrize("case", ["all equal", "all rankings tied"])
def test_ties_do_not_know_who_is_byzantine(case, name):
    tied = CASES[case]
    for byzantine in itertools.combinations(range(len(tied.received)), 2):
        assert selected(aggregated(name, tied.inbox(byzantine))) == tied.selects[name]


@pytest.mark.parametrize("name", ["loss_threshold", "ubar", "d_krum", "d_zeno"])
@pytest.mark.parametrize("case", ["own model huge", "own model NaN", "own model infinite"])
def test_a_node_that_diverged_recovers_where_its_own_model_has_no_weight(case, name):
    """alpha = 0: the result is the mean of the selected models, in single digits."""
    rule = chosen("defense", name, alpha=0.0)
    inbox = CASES[case].inbox()
    (model,) = rule.aggregate(rule.begin(*inbox.rows.shape, inbox.own.shape[1]), inbox)[1].models.tolist()
    received = np.array([CASES[case].received[j] for j in CASES[case].selects[name]])
    np.testing.assert_allclose(model, received.mean(0), rtol=1e-6, atol=1e-6)


# Whole rounds

MODELS = {
    "linear": Linear(name="linear"),
    "mlp": Mlp(name="mlp", hidden=5),
    "cnn": Cnn(name="cnn", channels=[3, 4], hidden=6),
}
# |N_i| = 7 and two attackers: more than 2f + 2 = 6, as Krum's proof asks for.
EIGHT = graph(8, list(itertools.combinations(range(8), 2)), byzantine=[1, 4])


class Sends(Attack):
    """Attackers send constant models; they take turns with these values."""

    values: tuple[float, ...]

    def send(self, state, view):
        turns = [self.values[b % len(self.values)] for b in range(view.byzantine)]
        return state, Messages.by_attacker(torch.tensor(turns)[:, None].expand(-1, view.benign.shape[1]), view)


def attacked(tiny, defense, *values, network=EIGHT, **overrides):
    attack = Sends(name="sends", br=0.25, values=values)
    return make_experiment(tiny, network, attack=attack, defense=chosen("defense", defense), **overrides)


def run(experiment):
    """The last models, and every row of the logs."""
    pairs = [(state.models.clone(), found) for state, found in simulate(experiment, experiment.initial())]
    return pairs[-1][0], [found.round_row() for _, found in pairs]


@pytest.mark.parametrize("model", ["linear", "cnn"])
@pytest.mark.parametrize("name", DEFENDED)
def test_what_is_not_finite_changes_nothing_by_what_it_is(tiny, name, model):
    experiments = [
        attacked(tiny, name, *values, model=MODELS[model]) for values in ([NAN], [INF], [-INF], [INF, -INF], [NAN, INF])
    ]
    (models, rows), *others = [run(experiment) for experiment in experiments]
    assert models.isfinite().all()
    assert all(row["byzantine_accept_rate"] in (None, 0) for row in rows)
    for other_models, other_rows in others:
        assert torch.equal(other_models, models)
        assert other_rows == rows


# Not -3e38 with a CNN: behind its ReLU that is one answer to all images, and a loss of log C.
@pytest.mark.parametrize(
    ("model", "values"), [("linear", [HUGE]), ("linear", [-HUGE]), ("linear", [HUGE, -HUGE]), ("cnn", [HUGE])]
)
@pytest.mark.parametrize("name", ["loss_threshold", "ubar", "d_krum", "d_zeno", "local", "oracle"])
def test_what_overflows_is_let_in_no_more_than_what_is_not_finite(tiny, name, values, model):
    """A finite model is a candidate even if its loss or squared distance overflows float32; no bit of the result shows it."""
    models, rows = run(attacked(tiny, name, *values, model=MODELS[model]))
    without, _ = run(attacked(tiny, name, NAN, model=MODELS[model]))
    assert torch.equal(models, without)
    assert all(row["byzantine_accept_rate"] in (None, 0) for row in rows)


def test_mean_is_overrun_by_what_overflows(tiny):
    experiment = attacked(tiny, "mean", HUGE)
    state, _ = one_round(experiment, experiment.initial())
    # W_ij = 1/8, two attackers: a quarter of 3e38, and no longer a number after the next gradient.
    torch.testing.assert_close(state.models, torch.full_like(state.models, 0.25 * HUGE))
    assert not one_round(experiment, state)[0].models.isfinite().any()


@pytest.mark.parametrize("name", choices("defense"))
def test_denormals_are_as_good_as_zeros(tiny, name):
    (models, rows), (zero_models, zero_rows) = (run(attacked(tiny, name, value)) for value in (DENORMAL, 0.0))
    torch.testing.assert_close(models, zero_models, rtol=0, atol=1e-30)
    assert [row["byzantine_accept_rate"] for row in rows] == [row["byzantine_accept_rate"] for row in zero_rows]


@pytest.mark.parametrize("value", [NAN, INF, -INF, HUGE])
@pytest.mark.parametrize(("attack", "name"), [pair for pair in pairs("max", "loss_threshold") if pair[1] != "mean"])
def test_a_benign_node_that_diverged_is_lost_alone(tiny, name, attack, value):
    """Under every attack, informed ones included."""
    network = graph(5, list(itertools.combinations(range(5), 2)), byzantine=[4])
    experiment = make_experiment(
        tiny, network, attack=chosen("attack", attack, br=0.2), defense=chosen("defense", name)
    )
    state = experiment.initial()
    state.models[1] = value
    for _ in range(2):
        state, _ = one_round(experiment, state)
    assert state.models[[0, 2, 3]].isfinite().all()
    assert not state.models[1].isfinite().any()


def test_a_lost_model_shows_in_the_logs(tiny):
    """Its loss is NaN. It is said to answer the first class always, as the largest of equal NaN is the first."""
    experiment = make_experiment(tiny, graph(3, [(0, 1), (1, 2)]))
    state = experiment.initial()
    state.models[1] = NAN
    found = evaluate(experiment, state, Scores(experiment, state.models))
    assert found.loss.isnan().tolist() == [False, True, False]
    assert found.score[1] == (tiny.test.targets == 0).double().mean()
    assert math.isnan(found.round_row()["loss_mean"])
    assert math.isnan(found.round_row()["consensus_distance"])


# Node 4 hears nobody, node 3 the attackers 1 and 5 alone; 0 and 2 hear each other and the attacker 1.
SPARSE = graph(6, [(0, 1), (0, 2), (1, 2), (1, 3), (3, 5)], byzantine=[1, 5])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", DEFENDED)
def test_a_node_that_hears_nobody_or_nothing_finite_learns_alone(tiny, name, model):
    models, rows = run(attacked(tiny, name, NAN, INF, network=SPARSE, model=MODELS[model]))
    alone, _ = run(attacked(tiny, "local", NAN, INF, network=SPARSE, model=MODELS[model]))
    # Learners are the nodes 0, 2, 3 and 4.
    assert torch.equal(models[2:], alone[2:])
    rates = [row["alone_rate"] for row in rows[1:]]
    assert all(rate is None or rate >= 0.5 for rate in rates)
    if name in ("ubar", "d_krum", "d_zeno", "oracle"):  # 0 and 2 always take each other's
        assert rates == [0.5] * 4


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("loss_threshold", 0),
        ("ubar", 2 / 5),
        ("d_krum", 1 / 5),
        ("d_zeno", 1),
        ("local", 0),
        ("mean", 1),
        ("oracle", 1),
    ],
)
def test_equal_models_stay_equal(tiny, name, accepted, model):
    """Six nodes that stand still: a copy's loss is the own one to the bit, or UBAR would fall back."""
    network = graph(6, list(itertools.combinations(range(6), 2)))
    experiment = make_experiment(tiny, network, defense=chosen("defense", name), model=MODELS[model])
    still = dataclasses.replace(experiment, optimizer=Optimizer.model_construct(lr=0.0, momentum=0.0))
    models, rows = run(still)
    torch.testing.assert_close(models, experiment.initial().models, rtol=1e-6, atol=0)
    for row in rows[1:]:
        assert row["benign_accept_rate"] == pytest.approx(accepted)
        assert row["fallback_rate"] in (None, 0)
        assert row["alone_rate"] == (accepted == 0)


# Attacks that see hostile models


# `byzdl.testing.check_attack` holds every attack, a new one too, to what it must do with lost models.


@pytest.mark.parametrize("name", ["max", "alie", "ipm"])
def test_one_lost_node_disarms_an_attack_on_all_models(name):
    seen = view([[NAN] * 3, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], byzantine=2, attacker=[0, 1, 0])
    assert not delivered(chosen("attack", name), seen).isfinite().any()


@pytest.mark.parametrize("value", [NAN, INF, -INF, HUGE, -HUGE, DENORMAL])
@pytest.mark.parametrize("name", ["label_flip", "none"])
def test_who_sends_its_own_model_sends_it_whatever_it_is(name, value):
    own = [[value, 1.0, 2.0], [3.0, 4.0, 5.0]]
    seen = view([[value] * 3, [1.0, 2.0, 3.0]], byzantine=2, own=own, attacker=[0, 1, 0])
    sent = delivered(chosen("attack", name), seen)
    assert torch.equal(sent.view(torch.int32), torch.tensor(own)[[0, 1, 0]].view(torch.int32))


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("name", ["duplicate", "mimic"])
def test_who_copies_copies_a_model_that_is_not_lost(name, value):
    seen = view([[value] * 3, [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]], byzantine=2, attacker=[0, 1, 0])
    assert delivered(chosen("attack", name), seen).tolist() == [[1, 2, 3]] * 3
