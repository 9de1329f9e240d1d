"""Searched strengths: by hand, against rules with a known answer."""

from dataclasses import replace

import pytest
import torch
from helpers import chosen, delivered, graph, make_experiment, view

from byzdl.attacks.opt_alie import OptAlie
from byzdl.attacks.opt_ipm import OptIpm
from byzdl.attacks.search import squared_distances
from byzdl.config.types import ConfigError
from byzdl.exchange import Mix
from byzdl.simulation.rounds import attack_view, local_update
from byzdl.simulation.settings import component

LADDER = {"weakest": 1.0, "strongest": 8.0, "trials": 4}  # 1, 2, 4, 8


def alie(**keys):
    return OptAlie(name="opt_alie", br=0.3, **{**LADDER, **keys})


# A victim of `view` takes the mean of its own model and of the messages that are within 10 of it.


def test_opt_alie_takes_the_strength_that_drives_victims_farthest():
    # Mean 2, sigma 2: messages 0, -2, -6, -14. The victim at 0 goes to 0, -1, -3 and, as -14 is too far away, 0:
    # from the mean 2, squared, 4, 9, 25 and 4.
    assert delivered(alie(), view([[0.0], [4.0]])).tolist() == [[-6]]


def test_the_strength_is_one_for_all_and_distances_add_up_squared():
    # 0, 1 and 8: mean 3, sigma sqrt(38 / 3) = 3.56; messages -0.56, -4.12, -11.2, -25.5. The victims at 0 and 1 go to
    # -0.28 and 0.22 (10.8 + 7.7 from the mean), -2.06 and -1.56 (25.6 + 20.8), 0 and 1 (9 + 4), likewise.
    seen = view([[0.0], [1.0], [8.0]], attacker=[0, 0], victim=[0, 1])
    expected = 3 - 2 * (38 / 3) ** 0.5
    assert delivered(alie(), seen).flatten().tolist() == pytest.approx([expected] * 2)


def test_victims_that_attack_themselves_do_not_count():
    # The attacker at -8, which trains, gets the message, too: -14 takes it to -11, 169 from the mean, squared.
    seen = view([[0.0], [4.0]], own=[[-8.0]], attacker=[0, 0])
    seen = replace(seen, roster=replace(seen.roster, victim_row=torch.tensor([0, 2])))
    assert delivered(alie(), seen).tolist() == [[-6]] * 2


def test_one_victim_far_out_counts_more_than_two_on_the_way():
    # From the mean 2: at z = 1 (0 is sent) 3 and 0, at z = 2 (-2 is sent) 2 and 2. 9 + 0 is more than 4 + 4.
    next_models = {0.0: [[5.0], [2.0]], -2.0: [[4.0], [4.0]]}

    def rehearse(roster, trials, knowledge):
        return [Mix(torch.tensor(next_models.get(sent.models.item(), [[2.0], [2.0]]))) for sent in trials]

    seen = replace(view([[0.0], [4.0]], attacker=[0, 0], victim=[0, 1]), rehearsal=rehearse)
    assert delivered(alie(), seen).tolist() == [[0]] * 2


def test_a_victim_that_is_lost_is_worth_more_than_any_other():
    def rehearse(roster, trials, knowledge):
        # At z = 2 the next model of the victim is no number; every other one is the farther the stronger.
        values = [messages.models.item() for messages in trials]
        return [Mix(torch.tensor([[float("nan") if value == -2 else value], [0.0]])) for value in values]

    assert delivered(alie(), replace(view([[0.0], [4.0]]), rehearsal=rehearse)).tolist() == [[-2]]


def test_of_equal_strengths_the_weakest_is_taken():
    unmoved = replace(
        view([[0.0], [4.0]]), rehearsal=lambda _, trials, __: [Mix(torch.tensor([[0.0], [4.0]]))] * len(trials)
    )
    assert delivered(alie(), unmoved).tolist() == [[0]]
    # All of a benign node's models that diverged are as bad.
    assert delivered(alie(), view([[float("nan")], [4.0]])).isnan().all()


def test_opt_ipm_reverses_the_progress_as_far_as_it_is_let_in():
    # Mean x^t is 1, mean x^{t+1/2} is 2: messages 0, -1, -3, -7; the victim at 0 goes to 0, -0.5, -1.5, -3.5.
    seen = view([[0.0], [4.0]], previous=[[0.0], [2.0]])
    attack = OptIpm(name="opt_ipm", br=0.3, **LADDER)
    assert delivered(attack, seen).tolist() == [[-7]]
    # At epsilon = 16 the message would be -15.
    assert delivered(attack.model_copy(update={"strongest": 16.0, "trials": 5}), seen).tolist() == [[-7]]


@pytest.mark.parametrize(("defense", "z"), [("mean", 10), ("local", 0.1), ("oracle", 0.1)])
def test_plain_gossip_takes_the_strongest_and_who_listens_to_nobody_the_weakest(tiny, defense, z):
    network = graph(4, [(0, 1), (1, 2), (2, 3), (0, 3), (0, 2)], byzantine=[3])
    attack = chosen("attack", "opt_alie", br=0.25)
    experiment = make_experiment(tiny, network, attack=attack, defense=chosen("defense", defense))
    state = experiment.initial()
    wire = local_update(experiment, state)
    _, messages = attack.act((), attack_view(experiment, state, wire))
    sigma, mean = torch.std_mean(wire.own, dim=0, correction=0)
    torch.testing.assert_close(messages.models[0], mean - z * sigma)


def test_the_ladder_must_go_up():
    keys = {"_target_": "byzdl.attacks.opt_alie.OptAlie", "name": "opt_alie", "br": 0.3, "weakest": 2.0}
    with pytest.raises(ConfigError, match=r"attack.strongest is 1.0, but must be a number, at least weakest=2.0"):
        component("attack", {**keys, "strongest": 1.0})


def test_distances_are_squared_once():
    models = torch.tensor([[3.0, 4.0], [5.0, 12.0]])
    assert squared_distances(models, torch.zeros(2)).tolist() == [25, 169]
    assert squared_distances(models, torch.tensor([[0.0, 0.0], [5.0, 9.0]])).tolist() == [25, 9]
