"""The round loop: what goes in, who hears what, and what is written back."""

import copy
import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from helpers import (
    choices,
    chosen,
    flat,
    graph,
    loss_at,
    make_experiment,
    make_settings,
    module_at,
    pairs,
    random_models,
)
from simulations import run, same_bits, standing_still
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from byzdl.attacks import Attack, Messages
from byzdl.attacks.ipm import Ipm
from byzdl.attacks.label_flip import LabelFlip
from byzdl.attacks.max import Max
from byzdl.attacks.none import NoAttack
from byzdl.config.types import ConfigError
from byzdl.data import Iid
from byzdl.data.batches import Batches
from byzdl.data.partition import Holding
from byzdl.defenses import Defense
from byzdl.defenses.loss_threshold import LossThreshold
from byzdl.defenses.mean import Mean
from byzdl.exchange import Conditions, Mix, Wire
from byzdl.models import Cnn, Linear, Mlp
from byzdl.simulation import evaluation
from byzdl.simulation.evaluation import Scores, evaluate
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.flat_model import Batched
from byzdl.simulation.processor import prepare
from byzdl.simulation.rounds import attack_view, one_round, simulate
from byzdl.simulation.settings import Optimizer
from byzdl.topology import Complete, ErdosRenyi, Network, draw_network
from byzdl.vectors.blocks import consensus_distance
from byzdl.vectors.selection import smallest

MODELS = {
    "linear": Linear(name="linear"),
    "mlp": Mlp(name="mlp", hidden=5),
    "cnn": Cnn(name="cnn", channels=[3, 4], hidden=6),
}
SQUARE = [(0, 1), (1, 2), (2, 3), (3, 0)]
KITE = [*SQUARE, (0, 2)]


def final(experiment):
    return run(experiment)[-1][1]


# Local update


SCHEDULES = {
    "constant": lambda sgd: torch.optim.lr_scheduler.ConstantLR(sgd, factor=1),
    "linear": lambda sgd: torch.optim.lr_scheduler.LinearLR(sgd, start_factor=1, end_factor=0, total_iters=8),
    "cosine": lambda sgd: torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=8),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("momentum", "decay", "schedule"),
    [(0.0, 0.0, "constant"), (0.9, 0.0, "constant"), (0.9, 0.1, "linear"), (0.5, 0.0, "cosine")],
)
def test_local_updates_are_those_of_torchs_sgd(tiny, name, momentum, decay, schedule):
    """Eq. 2 for several rounds, against one ordinary module and optimizer for each node."""
    model = MODELS[name]
    network = graph(3, [(0, 1), (1, 2)])
    ours = Optimizer(lr=0.1, momentum=momentum, weight_decay=decay, schedule=schedule)
    experiment = make_experiment(tiny, network, model=model, optimizer=ours, rounds=8)
    state = experiment.initial()
    modules = [module_at(model, tiny, x) for x in state.models]
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1, momentum=momentum, weight_decay=decay) for m in modules]
    schedules = [SCHEDULES[schedule](sgd) for sgd in optimizers]
    for t in range(4):
        for i, (module, optimizer) in enumerate(zip(modules, optimizers, strict=True)):
            images, labels = experiment.batch([i], t)
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(images[0]), labels[0]).backward()
            optimizer.step()
            schedules[i].step()
        state, _ = one_round(experiment, state)
        expected = torch.stack([flat(module) for module in modules])
        torch.testing.assert_close(state.models, expected, rtol=1e-4, atol=1e-6)
    # The nodes have moved, and not all to one place: the comparison was of something.
    assert (state.models - experiment.initial().models).abs().max() > 1e-3
    assert (state.models[0] - state.models[1]).abs().max() > 1e-4


def test_averaged_momentum_is_an_exponential_average_of_gradients(tiny):
    """m <- 0.9 m + 0.1 g, written out."""
    model = MODELS["mlp"]
    ours = Optimizer(lr=0.5, momentum=0.9, average=True)
    experiment = make_experiment(tiny, graph(2, [(0, 1)]), model=model, optimizer=ours)
    state = experiment.initial()
    module, m = module_at(model, tiny, state.models[0]), torch.zeros(state.models.shape[1])
    for t in range(4):
        images, labels = experiment.batch([0], t)
        module.zero_grad()
        nn.functional.cross_entropy(module(images[0]), labels[0]).backward()
        m = 0.9 * m + 0.1 * torch.cat([p.grad.flatten() for p in module.parameters()])
        torch.nn.utils.vector_to_parameters(flat(module) - 0.5 * m, module.parameters())
        state, _ = one_round(experiment, state)
        torch.testing.assert_close(state.models[0], flat(module), rtol=1e-4, atol=1e-6)


def test_all_nodes_start_from_one_model_at_rest(tiny):
    state = make_experiment(tiny, graph(4, SQUARE), model=MODELS["cnn"]).initial()
    assert (state.models == state.models[0]).all()
    assert not state.momenta.any()
    assert state.models.unique().numel() > 10


def test_byzantine_nodes_that_do_not_train_have_no_model(tiny):
    experiment = make_experiment(tiny, graph(4, SQUARE, byzantine=[1]), attack=Max(name="max", br=0.25))
    state = experiment.initial()
    after, _ = one_round(experiment, state)
    assert experiment.learners == (0, 2, 3)
    assert state.models.shape == after.models.shape == (3, experiment.model.d)
    assert all(not torch.equal(after.models[i], state.models[i]) for i in range(3))


def test_momentum_is_not_mixed(tiny):
    """Only models are exchanged: the momenta after a round are those of the gradients, under any defense."""
    first, second = (
        one_round(e, e.initial())[0]
        for e in (
            make_experiment(tiny, graph(4, SQUARE), defense=Mean(name="mean")),
            make_experiment(tiny, graph(4, SQUARE)),
        )
    )
    assert torch.equal(first.momenta, second.momenta)
    assert not torch.equal(first.models, second.models)


# Aggregation: with lr = 0 and nobody attacking, a round equals exactly the rule's aggregate.


def metropolis(network):
    adjacency = np.zeros((network.n, network.n))
    for i, j in network.edges:
        adjacency[i, j] = adjacency[j, i] = 1
    degree = adjacency.sum(1)
    w = adjacency / (1 + np.maximum.outer(degree, degree))
    return w + np.diag(1 - w.sum(1))


def mixed(own, chosen_models):
    return own if not len(chosen_models) else 0.5 * own + 0.5 * np.mean(chosen_models, axis=0)


def mean_rule(i, x, network, loss):
    return metropolis(network)[i] @ x


def local_rule(i, x, network, loss):
    return x[i]


def oracle_rule(i, x, network, loss):
    return x[[i, *network.neighbours[i]]].mean(0)


def loss_threshold_rule(i, x, network, loss):
    return mixed(x[i], [x[j] for j in network.neighbours[i] if loss(i, x[i]) - loss(i, x[j]) >= 0.1])


def ubar_rule(i, x, network, loss):
    around = sorted(network.neighbours[i], key=lambda j: np.linalg.norm(x[j] - x[i]))
    near = around[: math.ceil(0.4 * len(around))]
    good = [j for j in near if loss(i, x[j]) <= loss(i, x[i])]
    return mixed(x[i], [x[j] for j in good or [min(near, key=lambda j: loss(i, x[j]))]])


def d_krum_rule(i, x, network, loss):
    around = network.neighbours[i]

    def score(j):
        return sum(sorted(((x[j] - x[k]) ** 2).sum() for k in around if k != j)[: max(len(around) - 2, 1)])

    return mixed(x[i], [x[min(around, key=score)]])


def d_zeno_rule(i, x, network, loss):
    return mixed(x[i], x[list(network.neighbours[i])])


RULES = {
    "mean": mean_rule,
    "local": local_rule,
    "oracle": oracle_rule,
    "loss_threshold": loss_threshold_rule,
    "ubar": ubar_rule,
    "d_krum": d_krum_rule,
    "d_zeno": d_zeno_rule,
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("attack", ["none", "max"])
def test_a_round_that_stands_still_is_the_rules_aggregate(tiny, name, attack):
    """Whatever a rule decides must be written back, for every node, from the models that its neighbours sent."""
    network = draw_network(ErdosRenyi(name="erdos_renyi", n=7, cr=0.6), 0.0, seed=1)
    model = MODELS["mlp"]
    experiment = make_experiment(
        tiny, network, model=model, defense=chosen("defense", name), attack=chosen("attack", attack, br=0.0)
    )
    state = experiment.initial()
    start = state.models + random_models(*state.models.shape, seed=8, spread=0.3)
    after, _ = one_round(standing_still(experiment), state._replace(models=start))

    def loss(i, x):
        return loss_at(model, tiny, torch.from_numpy(x), *experiment.batch([i], 0))

    x = start.numpy()
    expected = np.stack([RULES[name](i, x, network, loss) for i in range(7)])
    np.testing.assert_allclose(after.models.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_aggregation_takes_the_models_after_the_local_update(tiny):
    """x^{t+1} mixes x^{t+1/2}, the own one and the others': not what they were before the step."""
    network = graph(2, [(0, 1)])
    alone, together = (
        one_round(e, e.initial())[0].models
        for e in (
            make_experiment(tiny, network),
            make_experiment(tiny, network, defense=Mean(name="mean")),
        )
    )
    # Degrees 1 and 1: W_01 = 1/2, both end at the middle of the two updated models.
    torch.testing.assert_close(together, alone.mean(0).expand(2, -1))


def test_what_was_yielded_is_never_written_to_again_but_for_momenta(tiny):
    """Momenta are updated in place, as a large network's are worth their memory; all else may be held on to."""
    experiment = make_experiment(tiny, graph(4, KITE), defense=LossThreshold(name="loss_threshold"), rounds=5)
    kept, copies = [], []
    for state, _ in simulate(experiment, experiment.initial()):
        kept.append(state._replace(momenta=()))
        copies.append(copy.deepcopy(kept[-1]))
    assert same_bits(kept, copies)


# What a defense sees


class Spy(Defense):
    """Its state is what it saw in the last round; it mixes nothing in, unless told to."""

    fresh: bool = False
    mixes: bool = False

    def init(self, learners: int, neighbours: int) -> Any:
        return {}

    def aggregate(self, state: Any, inbox: Any) -> tuple[Any, Mix]:
        own, losses = inbox.losses(fresh=self.fresh)
        seen = {**state, "own": own, "losses": losses, "received": inbox.models[inbox.rows], "inbox": inbox}
        weights = inbox.metropolis * self.mixes
        return seen, Mix(inbox.combine(weights), weights > 0, weights)

    def end_epoch(self, state: Any, ended: Any, measure: Any) -> Any:
        asked = {(of, what): measure(of, what) for of in ("test", "validation") for what in ("error", "loss")}
        return {**state, "epochs": [*state.get("epochs", []), (ended.tolist(), asked)]}


SPIED_PARTITION = Iid(name="iid", validation=0.2)


@pytest.mark.parametrize("name", MODELS)
def test_losses_are_those_of_a_plain_forward_on_the_own_batch(tiny, name):
    network = graph(4, KITE)
    model = MODELS[name]
    spy = Spy(name="spy")
    experiment = make_experiment(tiny, network, model=model, defense=spy, partition=SPIED_PARTITION)
    state = experiment.initial()
    for t in range(3):
        state, _ = one_round(experiment, state)
        half = state.models  # the spy mixes nothing in: x^{t+1} is x^{t+1/2}
        for i in range(4):
            batch = experiment.batch([i], t)
            assert state.defense["own"][i].item() == pytest.approx(loss_at(model, tiny, half[i], *batch), rel=1e-4)
            for column, j in enumerate(network.neighbours[i]):
                found = state.defense["losses"][i, column].item()
                assert found == pytest.approx(loss_at(model, tiny, half[j], *batch), rel=1e-4)
    assert state.defense["losses"][1].isinf().tolist() == [False, False, True]  # node 1 has two neighbours


def test_fresh_losses_are_on_other_samples_of_the_own_data(tiny):
    network = graph(4, KITE)
    spy = Spy(name="spy", fresh=True)
    experiment = make_experiment(tiny, network, defense=spy, partition=SPIED_PARTITION)
    after, _ = one_round(experiment, experiment.initial())
    for i in range(4):
        samples = experiment.batches.fresh(i, 0)
        assert len(set(samples.tolist())) == experiment.batches.batch_size
        assert set(samples) <= set(experiment.batches.holdings[i].train)
        assert set(samples) != set(experiment.batches.current(i, 0))
        images, labels = tiny.train.batch(torch.from_numpy(samples)[None])
        for column, j in enumerate(network.neighbours[i]):
            expected = loss_at(MODELS["linear"], tiny, after.models[j], images, labels)
            assert after.defense["losses"][i, column].item() == pytest.approx(expected, rel=1e-4)


def test_received_models_are_those_of_the_neighbours_in_order(tiny):
    network = graph(4, KITE, byzantine=[2])
    spy = Spy(name="spy")
    experiment = make_experiment(tiny, network, defense=spy, attack=Max(name="max", br=0.25), partition=SPIED_PARTITION)
    after, _ = one_round(experiment, experiment.initial())
    lie = -after.models.amax(0)
    for row, i in enumerate((0, 1, 3)):
        for column, j in enumerate(network.neighbours[i]):
            expected = lie if j == 2 else after.models[(0, 1, 3).index(j)]
            assert torch.equal(after.defense["received"][row, column], expected)


def test_attackers_know_the_benign_models_before_and_after_their_step(tiny):
    """Inner product manipulation needs both; in the second round they differ from the common start."""
    network = graph(4, KITE, byzantine=[2])
    attack = Ipm(name="ipm", br=0.25, epsilon=0.5)
    experiment = make_experiment(tiny, network, attack=attack, defense=Spy(name="spy"), partition=SPIED_PARTITION)
    before, _ = one_round(experiment, experiment.initial())
    after, _ = one_round(experiment, before)
    old, new = (state.models.mean(0) for state in (before, after))
    lie = old - 0.5 * (new - old)
    # Node 2 is the second neighbour of 0 (1, 2, 3), of 1 (0, 2) and of 3 (0, 2).
    for row in range(3):
        torch.testing.assert_close(after.defense["received"][row, 1], lie)
    assert (lie - old).abs().max() > 1e-3


class Personal(Attack):
    """Sends every victim a model of its own: 100 times the attacker plus the victim, everywhere."""

    def send(self, state: Any, view: Any) -> Any:
        value = 100 * view.attacker + view.victim
        return state, Messages.by_message(value[:, None].expand(-1, view.benign.shape[1]).float())


def test_each_victim_gets_its_own_message(tiny):
    # Attackers 1 and 4 among six: they are the 0th and the 1st attacker.
    edges = [(0, 1), (0, 4), (2, 1), (3, 4), (3, 1), (5, 0), (5, 4), (1, 4), (2, 3)]
    network = graph(6, edges, byzantine=[1, 4])
    experiment = make_experiment(
        tiny, network, attack=Personal(name="personal", br=0.3), defense=Spy(name="spy"), partition=SPIED_PARTITION
    )
    after, _ = one_round(experiment, experiment.initial())
    expected = {(0, 1): 0, (0, 4): 100, (2, 1): 2, (3, 1): 3, (3, 4): 103, (5, 4): 105}
    found = {}
    for row, i in enumerate((0, 2, 3, 5)):
        for column, j in enumerate(network.neighbours[i]):
            received = after.defense["received"][row, column]
            if j in (1, 4):
                assert (received == received[0]).all()
                found[i, j] = int(received[0])
            else:
                assert torch.equal(received, after.models[(0, 2, 3, 5).index(j)])
    assert found == expected


class PersonalFollower(Personal):
    """The same, of nodes that follow the protocol: then attackers get mail, too."""

    follows_protocol: ClassVar[bool] = True


def test_attackers_that_follow_the_protocol_are_victims_of_each_other(tiny):
    network = graph(3, [(0, 1), (1, 2), (0, 2)], byzantine=[0, 2])
    attack = PersonalFollower(name="personal", br=0.6)
    experiment = make_experiment(tiny, network, attack=attack, defense=Spy(name="spy"), partition=SPIED_PARTITION)
    after, _ = one_round(experiment, experiment.initial())
    received = after.defense["received"][:, :, 0]
    assert received[0, 1] == 100  # from node 2, the 1st attacker, to 0
    assert received[1].tolist() == [1, 101]
    assert received[2, 0] == 2  # from node 0, the 0th attacker, to 2
    assert received[0, 0] == after.models[1, 0]


class NotANumber(Attack):
    """Sends nothing that is finite."""

    def send(self, state: Any, view: Any) -> Any:
        return state, Messages.same(torch.full_like(view.benign[0], math.nan), view)


@pytest.mark.parametrize("name", sorted(set(choices("defense")) - {"mean"}))
def test_attackers_of_nan_stop_nobody_from_learning(tiny, name):
    network = graph(4, [*KITE, (1, 3)], byzantine=[3])
    experiment = make_experiment(
        tiny, network, attack=NotANumber(name="nan", br=0.25), defense=chosen("defense", name), rounds=12, eval_every=12
    )
    state, evaluation = run(experiment)[-1]
    assert state.models.isfinite().all()
    assert evaluation.score_worst > 0.6


# Epochs


def test_a_node_is_told_of_its_own_epochs_and_measures_its_own_model(tiny):
    # Batches of 4: node 0 has 12 samples to train on, three rounds an epoch; node 1 has 9, two.
    holdings = (
        Holding(np.arange(0, 12), np.arange(100, 105)),
        Holding(np.arange(20, 29), np.arange(110, 117)),
    )
    # It mixes, so that x^{t+1}, which is to be measured, differs from x^{t+1/2}.
    spied = make_experiment(tiny, graph(2, [(0, 1)]), defense=Spy(name="spy", mixes=True), partition=SPIED_PARTITION)
    experiment = dataclasses.replace(spied, batches=Batches(holdings, 4, seed=0), rounds=6)
    states = [state for state, _ in run(experiment)]
    ends = [ended for ended, _ in states[-1].defense["epochs"]]
    # Rounds 2, 3, 4, 6 end somebody's epoch; rounds 1 and 5 nobody's.
    assert ends == [[False, True], [True, False], [False, True], [True, True]]
    for rounds, (ended, asked) in zip((2, 3, 4, 6), states[-1].defense["epochs"], strict=True):
        for i in range(2):
            for (of, what), values in asked.items():
                if not ended[i]:
                    assert values[i].isnan()
                    continue
                split, index = (tiny.test, range(60)) if of == "test" else (tiny.train, holdings[i].validation)
                images, labels = split.batch(torch.tensor(index))
                module = module_at(MODELS["linear"], tiny, states[rounds].models[i])
                with torch.no_grad():
                    logits = module(images)
                wrong = (logits.argmax(1) != labels).float().mean().item()
                loss = nn.functional.cross_entropy(logits, labels).item()
                assert values[i].item() == pytest.approx(wrong if what == "error" else loss, rel=1e-4)


def test_an_epoch_uses_every_batch_once_and_the_next_is_shuffled_anew(tiny):
    experiment = make_experiment(tiny, graph(4, SQUARE))  # 60 samples a node, batches of 8: 7 rounds
    batches = experiment.batches
    assert batches.epoch_length(2) == 7
    first, second = ([batches.current(2, e * 7 + r).tolist() for r in range(7)] for e in range(2))
    for epoch in (first, second):
        seen = [sample for batch in epoch for sample in batch]
        assert len(set(seen)) == len(seen) == 56
        assert set(seen) <= set(batches.holdings[2].train.tolist())
    assert first != second


def test_the_monitor_works_with_every_hold_out_that_is_accepted(tiny):
    """A hold-out so small that it rounds to no sample at all must be refused, not divided by."""
    defense = LossThreshold(name="loss_threshold", monitor="validation")
    network = graph(4, SQUARE)
    partition = Iid(name="iid", validation=0.005)  # of 60 samples: 0.3, rounded to 0
    try:
        defense.check(Conditions(network, partition.validation))
        experiment = make_experiment(tiny, network, defense=defense, partition=partition, rounds=8)
    except ConfigError:
        return
    run(experiment)


# Streams: what belongs to a seed stays the same whatever is compared on it.


def drawn(experiment, rounds=9):
    """All that a seed decides, of benign nodes."""
    benign = experiment.network.benign
    return (
        experiment.network,
        experiment.model.initial,
        [(h.train.tolist(), h.validation.tolist()) for h in experiment.batches.holdings],
        [[experiment.batches.current(i, r).tolist() for i in benign] for r in range(rounds)],
        [[experiment.batches.fresh(i, r).tolist() for i in benign] for r in range(rounds)],
        [[experiment.batch([experiment.learners.index(i)], r) for i in benign] for r in range(rounds)],
    )


def seeded(tiny, attack, defense, seed=5):
    topology = ErdosRenyi(name="erdos_renyi", n=6, cr=0.5)
    settings = make_settings(
        attack=chosen("attack", attack), defense=chosen("defense", defense), topology=topology, seed=seed, rounds=9
    )
    return Experiment.build(settings, draw_network(topology, settings.attack.br, seed), tiny)


@pytest.mark.parametrize(("attack", "defense"), pairs("max", "loss_threshold"))
def test_neither_attack_nor_defense_moves_a_stream(tiny, attack, defense):
    experiment = seeded(tiny, attack, defense)
    # Having simulated must not matter, either: streams are keyed, not consumed.
    run(experiment)
    assert same_bits(drawn(experiment), drawn(seeded(tiny, "none", "local")))


def test_another_seed_moves_every_stream(tiny):
    one, two = drawn(seeded(tiny, "max", "ubar", seed=1)), drawn(seeded(tiny, "max", "ubar", seed=2))
    assert all(not same_bits(a, b) for a, b in zip(one, two, strict=True))


def test_a_simulation_does_not_touch_global_random_state(tiny):
    torch_state, numpy_state = torch.random.get_rng_state(), np.random.get_state()
    run(seeded(tiny, "alie", "loss_threshold"))
    assert torch.equal(torch.random.get_rng_state(), torch_state)
    assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), numpy_state, strict=True))


def test_global_random_state_does_not_touch_a_simulation(tiny):
    first = run(seeded(tiny, "alie", "loss_threshold"))
    torch.manual_seed(99)
    np.random.seed(99)
    assert same_bits(run(seeded(tiny, "alie", "loss_threshold")), first)


# Attacks in the loop


def test_label_flip_trains_on_flipped_labels_and_sends_the_result(tiny):
    network = graph(3, [(0, 1), (1, 2), (0, 2)], byzantine=[1])
    attack = LabelFlip(name="label_flip", br=0.3)
    experiment = make_experiment(
        tiny, network, attack=attack, defense=Spy(name="spy"), partition=SPIED_PARTITION, model=MODELS["mlp"]
    )
    honest = dataclasses.replace(experiment, attack=NoAttack(name="none", br=0.3))
    state = experiment.initial()
    after, _ = one_round(experiment, state)
    for i in range(3):
        images, labels = (part[0] for part in honest.batch([i], 0))
        if i == 1:
            labels = 2 - labels  # C = 3: 0 <-> 2, 1 stays
            assert (labels != honest.batch([1], 0)[1][0]).any()
        module = module_at(MODELS["mlp"], tiny, state.models[i])
        optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
        nn.functional.cross_entropy(module(images), labels).backward()
        optimizer.step()
        torch.testing.assert_close(after.models[i], flat(module), rtol=1e-4, atol=1e-6)
    # By node number, 1 is the first neighbour of 0 (1, 2) and the second of 2 (0, 1).
    assert torch.equal(after.defense["received"][0, 0], after.models[1])
    assert torch.equal(after.defense["received"][2, 1], after.models[1])


@pytest.mark.parametrize("name", ["mean", "local", "ubar", "loss_threshold"])
def test_no_attack_is_as_if_nobody_were_byzantine(tiny, name):
    """On one graph, nodes that only count as Byzantine change no bit of any model (of a rule that doesn't ask)."""
    topology = Complete(name="complete", n=5)
    states = [
        run(
            Experiment.build(
                make_settings(
                    attack=NoAttack(name="none", br=br),
                    defense=chosen("defense", name),
                    topology=topology,
                    rounds=6,
                    model=MODELS["mlp"],
                ),
                draw_network(topology, br, seed=0),
                tiny,
            )
        )
        for br in (0.0, 0.4)
    ]
    for (a, _), (b, _) in zip(*states, strict=True):
        assert torch.equal(a.models, b.models)
    assert len(states[1][-1][1].nodes) == 3  # and yet they are left out of the accuracy


@pytest.mark.parametrize(("attack", "name"), pairs("max", "loss_threshold"))
def test_without_byzantine_nodes_every_rule_learns(tiny, name, attack):
    topology = Complete(name="complete", n=4)
    settings = make_settings(
        attack=chosen("attack", attack, br=0.0),
        defense=chosen("defense", name),
        topology=topology,
        rounds=15,
        eval_every=15,
    )
    evaluation = final(Experiment.build(settings, draw_network(topology, 0.0, seed=0), tiny))
    assert evaluation.score_worst > 0.8
    assert evaluation.round_row()["byzantine_accept_rate"] is None
    assert evaluation.round_row()["byzantine_weight"] in (0, None)


# Metrics


class Scripted(Defense):
    """Selects and weighs by a table, one entry a round; its models stay the own ones."""

    script: list[tuple[list[list[bool]], list[list[float]], list[bool]]]

    def init(self, learners: int, neighbours: int) -> int:
        return 0

    def aggregate(self, state: int, inbox: Any) -> tuple[int, Mix]:
        selected, weights, fallback = (torch.tensor(part) for part in self.script[state])
        return state + 1, Mix(inbox.own, selected, weights, fallback)


def test_rates_by_hand(tiny):
    # Node 3 is Byzantine. Benign nodes hear: 0: 1, 2, 3. 1: 0, 3. 2: 0. Two rounds, one evaluation.
    network = graph(4, [(0, 1), (0, 2), (0, 3), (1, 3)], byzantine=[3])
    first = (
        [[True, False, True], [False, True, False], [True, False, False]],
        [[0.25, 0, 0.25], [0, 0.5, 0], [0.5, 0, 0]],
        [False, True, False],
    )
    second = (
        [[False, False, False], [True, False, False], [False, False, False]],
        [[0, 0, 0], [0.5, 0, 0], [0, 0, 0]],
        [False, False, False],
    )
    script = [first, second, first]
    experiment = make_experiment(
        tiny,
        network,
        attack=Max(name="max", br=0.25),
        defense=Scripted(name="scripted", script=script),
        rounds=3,
        eval_every=2,
    )
    rows = {e.round: e for _, e in run(experiment) if e is not None}
    assert sorted(rows) == [0, 2, 3]
    row = rows[2].round_row()
    # Byzantine messages: to 0 and 1 in each of 2 rounds, 4; let in: 0's and 1's in the first, 2.
    assert row["byzantine_accept_rate"] == 2 / 4
    # Benign messages: 2 to node 0, 1 to node 1, 1 to node 2, in 2 rounds: 8. Let in: 0 and 2 one each
    # in the first, 1 one in the second: 3.
    assert row["benign_accept_rate"] == 3 / 8
    # Weight of the attacker: 0.25 at node 0 and 0.5 at node 1 over 6 node-rounds.
    assert row["byzantine_weight"] == 0.75 / 6
    # Alone: nodes 0 and 2 in the second round.
    assert row["alone_rate"] == 2 / 6
    assert row["fallback_rate"] == 1 / 6
    assert row["theta_mean"] is None
    nodes = rows[2].node_rows()
    assert [n["node"] for n in nodes] == [0, 1, 2]
    assert [n["byzantine_accepted"] for n in nodes] == [1, 1, 0]
    assert [n["benign_accepted"] for n in nodes] == [1, 1, 1]
    assert [n["neighbours"] for n in nodes] == [3, 2, 1]
    assert [n["byzantine_neighbours"] for n in nodes] == [1, 1, 0]
    # The counts start again after an evaluation: the third round alone, as the first.
    last = rows[3].round_row()
    assert last["byzantine_accept_rate"] == 2 / 2
    assert last["benign_accept_rate"] == 2 / 4
    assert last["byzantine_weight"] == 0.75 / 3
    assert (last["alone_rate"], last["fallback_rate"]) == (0, 1 / 3)
    # Before the first round there is nothing to count.
    start = rows[0].round_row()
    assert start["byzantine_accept_rate"] is start["alone_rate"] is start["fallback_rate"] is None


def test_rates_are_over_benign_nodes_alone(tiny):
    """Byzantine nodes that follow the protocol aggregate, too: what they let in is nobody's concern."""
    network = graph(3, [(0, 1), (1, 2)], byzantine=[1])
    # Learners 0, 1, 2; only the attacker 1 lets anything in.
    script = [([[False, False], [True, True], [False, False]], [[0.0, 0.0], [0.25, 0.25], [0.0, 0.0]], [False] * 3)]
    experiment = make_experiment(
        tiny,
        network,
        attack=NoAttack(name="none", br=0.3),
        defense=Scripted(name="scripted", script=script),
        rounds=1,
    )
    evaluation = final(experiment)
    row = evaluation.round_row()
    assert (row["byzantine_accept_rate"], row["alone_rate"]) == (0, 1)
    assert row["benign_accept_rate"] is None  # nodes 0 and 2 have no benign neighbour
    assert evaluation.nodes.tolist() == [0, 2]


class Silent(Defense):
    """A rule that cannot say what it let in, as a median cannot."""

    def aggregate(self, state: Any, inbox: Any) -> tuple[Any, Mix]:
        return state, Mix(inbox.own)


def test_what_a_rule_cannot_say_is_empty(tiny):
    row = final(make_experiment(tiny, graph(4, SQUARE, byzantine=[0]), defense=Silent(name="silent"))).round_row()
    empty = {"byzantine_accept_rate", "benign_accept_rate", "byzantine_weight", "alone_rate", "fallback_rate"}
    assert {key for key, value in row.items() if value is None} == {*empty, "theta_mean", "attack_success_rate"}


def test_consensus_distance_by_hand():
    # (0, 0), (2, 0), (4, 6): mean (2, 2). Squares: 4 + 4, 0 + 4, 4 + 16: 32 / 3.
    models = torch.tensor([[0.0, 0.0], [2.0, 0.0], [99.0, 99.0], [4.0, 6.0]])
    assert consensus_distance(models, torch.tensor([0, 1, 3])) == pytest.approx(32 / 3)
    # Equal models are at a distance of exactly 0, far from the origin, too.
    assert consensus_distance(torch.full((7, 3), 0.1) + 1e4, torch.arange(7)) == 0


def test_an_evaluation_is_of_benign_nodes_on_test_images(tiny):
    network = graph(4, SQUARE, byzantine=[1])
    experiment = make_experiment(tiny, network, attack=Max(name="max", br=0.25), model=MODELS["mlp"])
    state = experiment.initial()
    models = state.models + random_models(*state.models.shape, seed=2, spread=0.3)
    state = state._replace(models=models, round=15)
    found = evaluate(experiment, state, Scores(experiment, models))
    images, labels = tiny.test.batch(torch.arange(60))
    accuracy, loss = [], []
    for i in range(3):
        with torch.no_grad():
            logits = module_at(MODELS["mlp"], tiny, models[i])(images)
        accuracy.append((logits.argmax(1) == labels).double().mean().item())
        loss.append(nn.functional.cross_entropy(logits, labels).item())
    assert found.nodes.tolist() == [0, 2, 3]
    assert found.score.tolist() == pytest.approx(accuracy)
    assert found.loss.tolist() == pytest.approx(loss, rel=1e-5)
    row = found.round_row()
    assert row["accuracy_mean"] == pytest.approx(np.mean(accuracy))
    assert row["accuracy_worst"] == pytest.approx(min(accuracy))
    assert row["accuracy_std"] == pytest.approx(np.std(accuracy))
    assert row["loss_mean"] == pytest.approx(np.mean(loss), rel=1e-5)
    benign = models.double().numpy()
    spread = ((benign - benign.mean(0)) ** 2).sum(1).mean()
    assert row["consensus_distance"] == pytest.approx(spread, rel=1e-5)
    # 240 samples over 4 nodes in batches of 8: 7 rounds an epoch, 15 rounds are 2 epochs.
    assert row["epoch"] == 2


def test_every_evaluation_is_of_the_state_it_comes_with(tiny):
    experiment = make_experiment(
        tiny, graph(4, SQUARE), defense=Mean(name="mean"), optimizer=Optimizer(lr=1.0, momentum=0.0)
    )
    for state, found in run(experiment):
        again = evaluate(experiment, state, Scores(experiment, state.models))
        assert torch.equal(found.loss, again.loss)
        assert found.consensus_distance == again.consensus_distance


def test_many_test_images_are_scored_in_parts(tiny, monkeypatch):
    experiment = make_experiment(tiny, graph(2, [(0, 1)]))
    models = random_models(2, experiment.model.d, seed=4)
    whole = Scores(experiment, models).of([0, 1], "test")
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 7)  # 60 images: eight parts of 7 and one of 4
    parts = Scores(experiment, models).of([0, 1], "test")
    torch.testing.assert_close(tuple(parts), tuple(whole))
    torch.testing.assert_close(whole.score + whole.error, torch.ones(2, dtype=torch.float64))


def test_theta_is_that_of_benign_nodes(tiny):
    network = graph(4, SQUARE, byzantine=[1])
    rule = LossThreshold(name="loss_threshold")
    experiment = make_experiment(tiny, network, attack=NoAttack(name="none", br=0.25), defense=rule)
    state = experiment.initial()
    theta = torch.tensor([0.1, -0.1, 0.0, 0.1], dtype=torch.float64)
    state = state._replace(defense=state.defense._replace(theta=theta))
    found = evaluate(experiment, state, Scores(experiment, state.models))
    # Node 1, at -0.1, is left out: (0.1 + 0 + 0.1) / 3.
    assert found.theta.tolist() == [0.1, 0.0, 0.1]
    assert found.round_row()["theta_mean"] == pytest.approx(0.2 / 3)


# When evaluations are due, and going on from a checkpoint


@pytest.mark.parametrize(("rounds", "every", "due"), [(7, 3, [0, 3, 6, 7]), (6, 3, [0, 3, 6]), (2, 5, [0, 2])])
def test_evaluations_are_due_at_the_start_at_intervals_and_at_the_end(tiny, rounds, every, due):
    pairs = run(make_experiment(tiny, graph(4, SQUARE), rounds=rounds, eval_every=every))
    assert [state.round for state, _ in pairs] == list(range(rounds + 1))
    assert [e.round for _, e in pairs if e is not None] == due


STATEFUL = LossThreshold(name="loss_threshold", patience=1, screen="fresh")


@pytest.mark.parametrize("attack", [Max(name="max", br=0.25), LabelFlip(name="label_flip", br=0.25)])
def test_going_on_from_any_round_ends_with_the_same_bits(tiny, attack):
    def built():
        return make_experiment(
            tiny, graph(4, KITE, byzantine=[1]), attack=attack, defense=STATEFUL, rounds=18, eval_every=4, batch_size=20
        )

    whole = run(built())
    # Epochs are 3 rounds: theta has moved by the end, so that the defense's state is no formality.
    assert whole[-1][1].round_row()["theta_mean"] < 0.1
    for stopped in (0, 1, 4, 7, 9, 17, 18):
        resumed = run(built(), copy.deepcopy(whole[stopped][0]))
        # Before the first round there is an evaluation, which is made again.
        assert same_bits(resumed, whole[stopped + 1 :] if stopped else whole)


def test_the_same_experiment_twice_gives_the_same_bits(tiny):
    experiment = make_experiment(tiny, graph(4, KITE), defense=STATEFUL, rounds=5, model=MODELS["cnn"])
    again = make_experiment(tiny, graph(4, KITE), defense=STATEFUL, rounds=5, model=MODELS["cnn"])
    first = run(experiment)
    assert same_bits(run(experiment), first)
    assert same_bits(run(again), first)


class Noise(Attack):
    """Sends random numbers, from the stream that the view offers."""

    def send(self, state, view):
        noise = view.stream().normal(size=view.benign.shape[1])
        return state, Messages.same(torch.tensor(noise, dtype=view.benign.dtype), view)


class Fickle(Defense):
    """Selects one neighbour at random, from the stream that the inbox offers."""

    def aggregate(self, state, inbox):
        values = torch.tensor(inbox.stream().random(tuple(inbox.rows.shape)))
        return state, inbox.mix(smallest(values, 1, among=inbox.valid), alpha=0.5)


def test_random_rules_are_keyed_by_seed_and_round(tiny):
    """Twice the same numbers in a run repeated, other ones every round, and none from a global generator."""

    def states(experiment):
        return [state.models.clone() for state, _ in simulate(experiment, experiment.initial())]

    def make():
        network = Network(graph(4, SQUARE).neighbours, byzantine=(3,))
        return make_experiment(
            tiny, network, attack=Noise(name="noise", br=0.25), defense=Fickle(name="fickle"), rounds=3
        )

    first, again = states(make()), states(make())
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    view = attack_view(make(), make().initial(), Wire(make().initial().models, make().initial().models))
    assert view.stream().random() == view.stream().random()
    assert view.stream().random() != dataclasses.replace(view, round=view.round + 1).stream().random()
    assert view.stream().random() != dataclasses.replace(view, seed=view.seed + 1).stream().random()


# One path for every device


class Waits(TorchDispatchMode):
    """Notes every operation whose result's shape or value a processor would have to wait for."""

    ASKING: ClassVar = {
        "_local_scalar_dense",
        "nonzero",
        "masked_select",
        "unique_dim",
        "_unique2",
        "equal",
        "is_nonzero",
    }

    def __init__(self):
        super().__init__()
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").split(".")[0]
        by_mask = name in ("index", "index_put_", "index_put") and any(
            i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        )
        to_host = name == "_to_copy" and (kwargs or {}).get("device") == torch.device("cpu")
        if name in self.ASKING or by_mask or to_host:
            self.waits.append(name)
        return func(*args, **(kwargs or {}))


# Rules that cluster on the processor, with scikit-learn: they fetch one small table per round.
CLUSTERING = {"flame"}


@pytest.mark.parametrize(("attack", "defense"), pairs("max", "loss_threshold"))
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_a_round_asks_the_device_for_nothing_but_the_losses_that_are_wanted(tiny, monkeypatch, attack, defense, model):
    """As on a GPU: all models in batches, and no number that the host asks for within an epoch."""
    monkeypatch.setattr("byzdl.simulation.flat_model.OneByOne", Batched)
    monkeypatch.setattr("byzdl.vectors.waiting.waits", lambda values: True)
    screened = Batched.losses

    def unwatched(*args):
        with _disable_current_modes():
            return screened(*args)

    monkeypatch.setattr(Batched, "losses", unwatched)
    experiment = make_experiment(
        tiny,
        graph(4, KITE, byzantine=[1]),
        model=MODELS[model],
        attack=chosen("attack", attack, br=0.25),
        defense=chosen("defense", defense),
    )
    state, _ = one_round(experiment, experiment.initial())
    with Waits() as noted:
        state, _ = one_round(experiment, state)
    assert noted.waits == (["_to_copy"] if defense in CLUSTERING else [])
    # The mode does notice: an evaluation must ask.
    with Waits() as noted:
        evaluate(experiment, state, Scores(experiment, state.models))
    assert noted.waits


@pytest.mark.parametrize("defense", choices("defense"))
def test_the_two_ways_through_a_network_simulate_alike(tiny, monkeypatch, defense):
    def simulated():
        experiment = make_experiment(
            tiny,
            graph(4, KITE, byzantine=[1]),
            model=MODELS["cnn"],
            attack=Max(name="max", br=0.25),
            defense=chosen("defense", defense),
            rounds=6,
        )
        return run(experiment)[-1][0].models

    one_by_one = simulated()
    monkeypatch.setattr("byzdl.simulation.flat_model.OneByOne", Batched)
    torch.testing.assert_close(simulated(), one_by_one, rtol=1e-3, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("defense", choices("defense"))
def test_a_gpu_agrees_with_the_processor(tiny, defense):
    prepare(1)

    def simulated(device):
        experiment = make_experiment(
            tiny,
            graph(4, KITE, byzantine=[1]),
            device=device,
            model=MODELS["cnn"],
            attack=Max(name="max", br=0.25),
            defense=chosen("defense", defense),
            rounds=6,
        )
        state, evaluation = run(experiment)[-1]
        return state.models.cpu(), evaluation.loss

    torch.testing.assert_close(simulated("cuda"), simulated("cpu"), rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("defense", choices("defense"))
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_a_gpu_gives_the_same_bits_twice(tiny, defense, model):
    prepare(1)

    def simulated():
        experiment = make_experiment(
            tiny,
            graph(4, KITE, byzantine=[1]),
            device="cuda",
            model=MODELS[model],
            attack=Max(name="max", br=0.25),
            defense=chosen("defense", defense),
            rounds=12,
        )
        return run(experiment)[-1][0].models

    assert torch.equal(simulated(), simulated())
