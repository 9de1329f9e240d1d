"""`byzdl.aggregate` and `byzdl.attack`: one rule on a few models, by hand."""

import numpy as np
import pytest
import torch
from helpers import choices

import byzdl
from byzdl.attacks import Attack, Messages
from byzdl.config.types import ConfigError, RuleError
from byzdl.defenses import Defense
from byzdl.exchange import Mix

OWN, RECEIVED = [0.0, 0.0], [[1.0, 1.0], [2.0, 2.0], [99.0, -99.0]]
BENIGN = torch.tensor([[1.0, 0.0], [3.0, 0.0], [2.0, 3.0]])


def test_an_aggregate_by_hand():
    found = byzdl.aggregate("trimmed_mean", torch.tensor(OWN), torch.tensor(RECEIVED), f=1)
    assert found.model.tolist() == [1.5, 0.5]
    assert found.accepted is None
    near = byzdl.aggregate("nna", torch.tensor(OWN), torch.tensor(RECEIVED), f=1)
    assert near.accepted.tolist() == [True, True, False]
    assert near.weights.tolist() == pytest.approx([1 / 3, 1 / 3, 0])
    assert near.model.tolist() == pytest.approx([1, 1])


def test_numpy_comes_back_as_numpy():
    found = byzdl.aggregate("nna", np.array(OWN), np.array(RECEIVED), f=1)
    assert isinstance(found.model, np.ndarray)
    assert isinstance(found.accepted, np.ndarray)
    np.testing.assert_allclose(found.model, [1, 1])
    sent = byzdl.attack("max", BENIGN.numpy(), byzantine=2)
    assert isinstance(sent.models, np.ndarray)
    assert sent.models.shape == (2, 3, 2)


def test_a_rule_that_goes_by_loss_asks_the_function():
    asked = []

    def loss(model):
        asked.append(model.tolist())
        return float((model - 1).norm())

    found = byzdl.aggregate("loss_threshold", torch.tensor(OWN), torch.tensor(RECEIVED), loss=loss, theta=0.0)
    assert found.accepted.tolist() == [True, True, False]
    assert sorted(asked) == sorted([OWN, *RECEIVED])
    with pytest.raises(ConfigError, match=r"^loss is None, but must be a function of a model \[d\], as loss_threshold"):
        byzdl.aggregate("loss_threshold", torch.tensor(OWN), torch.tensor(RECEIVED))
    by_accuracy = byzdl.aggregate(
        "local_performance_check", torch.tensor(OWN), torch.tensor(RECEIVED), accuracy=lambda m: float(m[0] == 1)
    )
    assert by_accuracy.accepted.tolist() == [True, True, True]


def test_state_is_passed_in_and_out():
    received = torch.tensor([[0.0, 0.0], [9.0, 9.0]])
    first = byzdl.aggregate("credibility", torch.tensor(OWN), received)
    second = byzdl.aggregate("credibility", torch.tensor(OWN), received, state=first.state)
    # The distant model earns nothing, and its trust falls by a tenth each time.
    assert first.state.trust.tolist() == [pytest.approx([1.0, 0.9])]
    assert second.state.trust.tolist() == [pytest.approx([1.0, 0.81])]


def test_the_truth_is_for_those_that_ask_for_it():
    truth = [False, False, True]
    found = byzdl.aggregate("oracle", torch.tensor(OWN), torch.tensor(RECEIVED), byzantine=truth)
    assert found.accepted.tolist() == [True, True, False]
    known = byzdl.aggregate("trimmed_mean", torch.tensor(OWN), torch.tensor(RECEIVED), byzantine=truth)
    assert known.model.tolist() == [1.5, 0.5]
    with pytest.raises(ConfigError, match=r"^f is None, but must be an integer, or known beside byzantine="):
        byzdl.aggregate("trimmed_mean", torch.tensor(OWN), torch.tensor(RECEIVED))


class Wrong(Defense):
    def aggregate(self, state, inbox):
        return Mix(inbox.own)


class Shout(Attack):
    """Sends ten times the benign mean."""

    def send(self, state, view):
        return state, Messages.same(10 * view.benign.mean(0), view)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: byzdl.aggregate("krum", OWN, RECEIVED), r"^defense is 'krum', but must be .*did you mean d_krum"),
        (lambda: byzdl.aggregate("mean", OWN, [[1.0]]), r"^received is .*but must be models \[k, d\] with d = 2"),
        (lambda: byzdl.aggregate("mean", RECEIVED, RECEIVED), r"^own is .*but must be one model \[d\]"),
        (lambda: byzdl.aggregate("mean", OWN, RECEIVED, tau=1), r"^defense\.tau: no such key"),
        (lambda: byzdl.aggregate(Wrong(), OWN, RECEIVED, f=1), r"^f: no key beside an instance"),
        (lambda: byzdl.attack("alie", BENIGN, n=9, byzantine=2), r"^n is 9, but must be 5"),
        (lambda: byzdl.attack("label_flip", BENIGN), r"^own is None, but must be the own models"),
        (lambda: byzdl.attack("max", BENIGN, eps=3), r"^attack\.eps: no such key"),
    ],
)
def test_wrong_input_is_one_line(call, says):
    with pytest.raises(ConfigError, match=says) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_a_mistake_names_the_class():
    with pytest.raises(RuleError, match=r"Wrong\.aggregate: returned a Mix, but must return \(state, Mix\)"):
        byzdl.aggregate(Wrong(), torch.tensor(OWN), torch.tensor(RECEIVED))


def test_an_attack_by_hand():
    assert byzdl.attack("max", BENIGN, byzantine=1).models[0].tolist() == [[-3, -3]] * 3
    reversed_ = byzdl.attack("ipm", BENIGN, previous=torch.zeros(3, 2), epsilon=0.5).models[0]
    torch.testing.assert_close(reversed_[0], torch.tensor([-1.0, -0.5]))
    own = torch.tensor([[5.0, 5.0], [6.0, 6.0]])
    assert byzdl.attack("label_flip", BENIGN, byzantine=2, own=own).models[:, 0].tolist() == own.tolist()
    assert byzdl.attack(Shout(), BENIGN).models[0, 0].tolist() == [20, 10]


def test_an_attack_per_victim_sends_each_its_own_message():
    sent = byzdl.attack("dissensus", BENIGN, byzantine=1, eps=1.0).models[0]
    # On the complete graph of 4 every weight is 1/4: x_i - sum_j (x_j - x_i) = 4 x_i - the sum of all.
    torch.testing.assert_close(sent, 4 * BENIGN - BENIGN.sum(0))


def test_an_attack_rehearses_the_defense_it_is_told():
    def harm(defense):
        return byzdl.attack("opt_ipm", BENIGN, previous=BENIGN * 0.9, byzantine=2, defense=defense).models[0, 0]

    # Under plain gossip the strongest, 10, does the most harm. Where nobody listens, the weakest, 0.1, is sent.
    torch.testing.assert_close(harm("mean"), torch.tensor([1.8, 0.9]) - 10 * torch.tensor([0.2, 0.1]))
    torch.testing.assert_close(harm("local"), torch.tensor([1.8, 0.9]) - 0.1 * torch.tensor([0.2, 0.1]))


@pytest.mark.parametrize("name", choices("attack"))
def test_every_attack_can_be_called(name):
    sent = byzdl.attack(name, BENIGN, byzantine=2, own=BENIGN[:2], loss=lambda model: float(model.norm()))
    assert sent.models.shape == (2, 3, 2)


@pytest.mark.parametrize("name", choices("defense"))
def test_every_defense_can_be_called(name):
    found = byzdl.aggregate(
        name,
        torch.tensor(OWN),
        torch.tensor(RECEIVED),
        loss=lambda model: float(model.norm()),
        accuracy=lambda model: 0.5,
        byzantine=[False, False, True],
    )
    assert found.model.shape == (2,)
