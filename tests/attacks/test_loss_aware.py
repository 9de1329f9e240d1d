"""loss_aware: the last rung that the paper's rule accepts, on losses by hand."""

from dataclasses import replace

import pytest
import torch
from helpers import aggregate, chosen, delivered, graph, make_experiment, make_inbox, view

from byzdl.attacks.loss_aware import LossAware
from byzdl.defenses.loss_threshold import LossThreshold
from byzdl.simulation.rounds import simulate

RULE = LossThreshold(name="loss_threshold")
LADDER = {"weakest": 1.0, "strongest": 16.0, "trials": 5}  # 1, 2, 4, 8, 16


def attack(**keys):
    return LossAware(name="loss_aware", br=0.3, **{**LADDER, **keys})


def against(seen, losses, theta, detected):
    """The view of an attacker of node 0, which hears the benign node 1 and then the attacker, under the paper's rule.

    - `losses`: from a model's value to its loss, by knowledge
    """

    def rehearse(roster, trials, knowledge):
        return [foreseen(messages, knowledge) for messages in trials]

    def foreseen(messages, knowledge):
        own = seen.after[:2].tolist()
        mail = [[own[1], messages.models[messages.index[0]].tolist()], [own[0]]]
        inbox = make_inbox(own, mail, function=lambda i, x: losses[knowledge](x.item()))
        first = RULE.init(*inbox.rows.shape)
        state = first._replace(theta=first.theta * 0 + theta, detected=first.detected | detected)
        return aggregate(RULE, inbox, state)

    return replace(seen, rehearsal=rehearse)


# The benign mean goes from 1 to 0, and messages 1, 2, 4, 8, 16 times the way back. The victim is at -6. Node 1, at 6, is
# rejected.
SEEN = view([[-6.0], [6.0]], previous=[[-6.0], [8.0]])
TABLE = {"batch": lambda x: 99 if x == 6 else abs(x), "data": lambda x: 99 if x == 6 else abs(x - 1)}


@pytest.mark.parametrize(
    ("theta", "sent"),
    [
        (3.0, 2.0),  # a loss of at most 6 - 3: 1 and 2 pass, 4 doesn't
        (2.0, 4.0),  # exactly at the threshold: at least theta is enough
        (-1.0, 4.0),  # 8 would have to be 7
        (-2.0, 8.0),
        (5.5, 1.0),  # none passes: none does harm, and the weakest is sent
    ],
)
def test_the_last_strength_that_passes_the_threshold(theta, sent):
    assert delivered(attack(), against(SEEN, TABLE, theta, detected=False)).tolist() == [[sent]]


def test_the_last_strength_that_wins_the_fall_back():
    # The victim at 0 has a loss of 0, which nobody beats by 0.1, and node 1 at -10 one of 10. The mean is -5 and was -3: p = 2,
    # and messages are at -3, -1, 3, 11, 27. Up to 3 they win against node 1, which would take the victim the other way.
    seen = view([[0.0], [-10.0]], previous=[[0.0], [-6.0]])
    assert delivered(attack(), against(seen, TABLE, 0.1, detected=True)).tolist() == [[3]]
    # Without the fall-back all of them are rejected, and the weakest is sent.
    assert delivered(attack(), against(seen, TABLE, 0.1, detected=False)).tolist() == [[-3]]


def test_where_a_benign_neighbour_does_more_harm_it_may_win_the_fall_back():
    # Node 1 at -6: the mean is -3 and was -4: p = -1, and messages are at -4, -5, -7, -11, -19. -5 would win, but a
    # message that loses leaves the victim to node 1.
    seen = view([[0.0], [-6.0]], previous=[[0.0], [-8.0]])
    assert delivered(attack(), against(seen, TABLE, 0.1, detected=True)).tolist() == [[-7]]


def test_by_its_own_data_another_strength_seems_to_pass():
    # On the attacker's data the own model has a loss of 7: at theta = -2 it must be at most 9, so 8 passes, and 16 not. At
    # theta = 3 at most 4: 4, which has 3, seems to pass, though on the victim's own batch it would not.
    assert delivered(attack(knowledge="data"), against(SEEN, TABLE, 3.0, detected=False)).tolist() == [[4]]
    assert delivered(attack(knowledge="batch"), against(SEEN, TABLE, 3.0, detected=False)).tolist() == [[2]]


def test_towards_a_backdoor_it_goes_from_the_benign_mean_through_the_attackers_own():
    # The mean is 0, the attackers' own models are at 1 and 3: p = 2. Messages within 10 of the victim at -1 take it along.
    seen = view([[-1.0], [1.0]], own=[[1.0], [3.0]], byzantine=2)
    sent = delivered(attack(direction="backdoor"), seen)
    assert sent.tolist() == [[8]]


def test_every_victim_gets_its_own_and_all_its_attackers_send_it():
    # The mean is 0, and was 1. Within 10 of -6 are 1 and 2, of 6 all but 16.
    seen = view([[-6.0], [6.0]], previous=[[-6.0], [8.0]], byzantine=2, attacker=[0, 1, 0], victim=[0, 0, 1])
    assert delivered(attack(), seen).tolist() == [[2], [2], [8]]


def test_only_towards_a_backdoor_is_there_a_trigger():
    images, labels = torch.rand(4, 1, 5, 5), torch.tensor([1, 2, 3, 4])
    away, backdoor = attack(), attack(direction="backdoor")
    assert (away.trains, away.triggers) == (False, False)
    assert (backdoor.trains, backdoor.triggers) == (True, True)
    assert torch.equal(away.poison(images, labels, 5)[1], labels)
    assert backdoor.poison(images, labels, 5)[1].tolist() == [0, 0, 3, 4]


@pytest.mark.parametrize("knowledge", ["batch", "data"])
def test_whole_runs(tiny, knowledge):
    """Messages are accepted, round by round, where all of max are rejected. The success of a backdoor is logged."""
    edges = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (0, 2), (1, 3)]

    def last(name, rule, **keys):
        experiment = make_experiment(
            tiny,
            graph(5, edges, byzantine=[2]),
            attack=chosen("attack", name, br=0.2, **keys),
            defense=rule,
            rounds=10,
            eval_every=10,
        )
        *_, (_, evaluation) = simulate(experiment, experiment.initial())
        return evaluation.round_row()

    rule = RULE.model_copy(update={"theta": -0.1})
    keys = {"knowledge": knowledge, "trials": 6}
    assert last("max", rule)["byzantine_accept_rate"] == 0
    away = last("loss_aware", rule, **keys)
    assert away["byzantine_accept_rate"] > (0.9 if knowledge == "batch" else 0.2)
    assert away["attack_success_rate"] is None
    assert last("loss_aware", rule, direction="backdoor", **keys)["attack_success_rate"] is not None
