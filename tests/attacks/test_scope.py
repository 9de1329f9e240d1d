"""Attackers that see no more than their victim's neighbourhood."""

import pytest
import torch
from helpers import choices, chosen, filled_wire, graph, make_experiment, random_models
from simulations import same_bits

from byzdl.attacks.search import Search
from byzdl.runs import checkpoint
from byzdl.simulation.rounds import attack_view, simulate

# Benign: the path 0 - 1 - 2 - 4. Node 3 attacks 0, 1 and 4, node 5 attacks 4 and node 3.
EDGES = [(0, 1), (1, 2), (2, 4), (3, 0), (3, 1), (3, 4), (5, 4), (5, 3)]
NETWORK = graph(6, EDGES, byzantine=[3, 5])


def sent(tiny, attack, values, network=NETWORK):
    """The messages, for models of one value in all coordinates: {(sender, victim): value}."""
    experiment = make_experiment(tiny, network, attack=attack)
    wire = filled_wire(torch.tensor(values)[:, None].expand(-1, experiment.model.d))
    state = experiment.initial()
    view = attack_view(experiment, state, wire)
    _, messages = attack.act(state.attack, view)
    models = messages.models[messages.index]
    assert (models == models[:, :1]).all()
    senders = [network.byzantine[b] for b in view.attacker]
    return {(b, v): x for b, v, x in zip(senders, view.victim.tolist(), models[:, 0].tolist(), strict=True)}


def test_the_maximum_is_that_of_the_victim_and_its_benign_neighbours(tiny):
    values = [1.0, 2.0, 3.0, 9.0]  # of nodes 0, 1, 2 and 4
    near = sent(tiny, chosen("attack", "max", br=0.34, scope="neighbourhood"), values)
    assert near == {(3, 0): -2, (3, 1): -3, (3, 4): -9, (5, 4): -9}
    assert set(sent(tiny, chosen("attack", "max", br=0.34), values).values()) == {-9}


def test_sigma_is_that_of_the_neighbourhood_and_z_that_of_the_network(tiny):
    # Around 0: 1 and 3, mean 2 and sigma 1; around 4: 3 and 9, mean 6 and sigma 3; around 1: 1, 3 and 3.
    attack = chosen("attack", "alie", br=0.34, z=2.0, scope="neighbourhood")
    near = sent(tiny, attack, [1.0, 3.0, 3.0, 9.0])
    assert near[3, 0] == pytest.approx(0)
    assert near[3, 4] == near[5, 4] == pytest.approx(0)
    assert near[3, 1] == pytest.approx(7 / 3 - 2 * (8 / 9) ** 0.5)
    # 4 benign and 2 attackers: s = floor(6 / 2 + 1) - 2 = 2, z = Phi^-1(2 / 4) = 0. With the 3 benign around 1 it would be
    # s = floor(5 / 2 + 1) - 2 = 1 and Phi^-1(2 / 3).
    near = sent(tiny, attack.model_copy(update={"z": "baruch"}), [1.0, 3.0, 3.0, 9.0])
    assert near[3, 1] == pytest.approx(7 / 3)


def test_a_victim_among_attackers_alone_receives_the_senders_own_model(tiny):
    # They train, as the attack acts every other round only. Node 5 now hears node 3 alone, which is not benign; node 3 has 0, 1
    # and 4 around itself, and is itself none of these.
    attack = chosen("attack", "max", br=0.34, every=2, scope="neighbourhood")
    network = graph(6, [edge for edge in EDGES if edge != (5, 4)], byzantine=[3, 5])
    near = sent(tiny, attack, [1.0, 2.0, 3.0, 100.0, 9.0, 50.0], network)
    assert near == {(3, 0): -2, (3, 1): -3, (3, 4): -9, (3, 5): 100, (5, 3): -9}


EVERYBODY = graph(5, [(i, j) for i in range(5) for j in range(i)], byzantine=[1, 4])


def check_that_a_neighbourhood_is_everybody(tiny, name, **keys):
    def models(scope):
        experiment = make_experiment(
            tiny,
            EVERYBODY,
            attack=chosen("attack", name, br=0.4, scope=scope, **keys),
            defense=chosen("defense", "clipped_gossip"),
            rounds=2,
            eval_every=2,
        )
        return [state.models.clone() for state, _ in simulate(experiment, experiment.initial())][-1]

    torch.testing.assert_close(models("neighbourhood"), models("all"), equal_nan=True)


@pytest.mark.parametrize("name", choices("attack"))
@pytest.mark.parametrize("start", [0, 1])
def test_on_a_complete_graph_a_neighbourhood_is_everybody(tiny, name, start):
    """A searched strength for all differs from one for each victim, so the ladder has one rung."""
    searching = isinstance(chosen("attack", name), Search)
    check_that_a_neighbourhood_is_everybody(tiny, name, start=start, **({"trials": 1} if searching else {}))


@pytest.mark.parametrize("name", ["spectral", "loss_aware"])
def test_so_it_is_where_a_strength_is_searched_for_each_victim(tiny, name):
    check_that_a_neighbourhood_is_everybody(tiny, name, trials=4)


@pytest.mark.parametrize("name", ["mimic", "duplicate"])
def test_the_copied_node_is_in_the_neighbourhood(tiny, name):
    experiment = make_experiment(tiny, NETWORK, attack=chosen("attack", name, br=0.34, scope="neighbourhood"))
    state, wire = experiment.initial(), filled_wire(random_models(5, experiment.model.d, seed=4)[:4])
    wire.own[2] *= 100
    view = attack_view(experiment, state, wire)
    memory, messages = experiment.attack.act(state.attack, view)
    copied = [(wire.own == messages.models[m]).all(1).nonzero().item() for m in messages.index]
    assert view.victim_row.tolist() == [0, 1, 3, 3]
    assert copied[0] in (0, 1)
    assert copied[1] == 2
    assert copied[2:] in ([2, 2], [3, 3])  # of two, neither is farther from their mean
    assert len(memory) == 4  # one for each learner
    untouched = experiment.attack.init(4, experiment.model.d)
    assert same_bits(memory[2], untouched)  # nobody attacks node 2
    # Each is remembered: node 2 is still copied to node 1 where node 0 is the farthest out.
    later = filled_wire(random_models(5, experiment.model.d, seed=5)[:4])
    later.own[0] *= 3
    _, messages = experiment.attack.act(memory, attack_view(experiment, state, later))
    assert torch.equal(messages.models[messages.index[1]], later.own[2])


@pytest.mark.parametrize("name", ["mimic", "duplicate"])
@pytest.mark.parametrize("scope", ["all", "neighbourhood"])
def test_what_they_remember_survives_a_checkpoint(tiny, name, scope):
    def experiment():
        keys = {"warmup": 3} if name == "mimic" else {}
        return make_experiment(
            tiny,
            NETWORK,
            attack=chosen("attack", name, br=0.34, scope=scope, **keys),
            rounds=8,
            eval_every=8,
            defense=chosen("defense", "mean"),
        )

    whole = experiment()
    states = [(state._replace(momenta=state.momenta.clone())) for state, _ in simulate(whole, whole.initial())]
    for stopped in (2, 5):
        again = experiment()
        saved = checkpoint.to_plain(tuple(states[stopped]))
        state = checkpoint.like(again.initial(), saved, again.device)
        resumed = [state for state, _ in simulate(again, state)]
        assert torch.equal(resumed[-1].models, states[-1].models)
