"""What every attack and every defense keeps to. New ones are found in `conf/` and need not be listed here."""

import math
from dataclasses import fields, is_dataclass
from types import SimpleNamespace

import pytest
import torch
from helpers import CONF, Function, choices, chosen, random_models, view_of
from torch import Tensor

from byzdl.attacks import Messages
from byzdl.exchange import Inbox, Mix

D = 7
# How many neighbours each of the learners has: many, some, one, none.
DEGREES = (8, 5, 1, 0)
LEARNERS, K = len(DEGREES), max(DEGREES)
# The documented exception: plain decentralized SGD mixes in whatever it gets.
UNDEFENDED = {"mean"}
# Reference lines assume nothing that a defense could: they say what they know in their name.
REFERENCE = {"mean", "local", "oracle"}
# What asks how large a model is, and so for where zero lies; max sends minus a maximum.
ASKS_WHERE_ZERO_IS = {"balance", "max"}
# What has a length of its own: exp(-sharpness |x_j - x_i|), noise of so large a deviation.
HAS_A_LENGTH = {"credibility", "gaussian"}


def tensors(value):
    """All tensors in a tensor, a record, a (named) tuple, or a dictionary of them."""
    if isinstance(value, Tensor):
        return [value]
    if is_dataclass(value) and not isinstance(value, type):
        return [t for field in fields(value) for t in tensors(getattr(value, field.name))]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [t for item in value for t in tensors(item)]
    return []


def same(a, b):
    """Whether two structures hold the same bits."""
    left, right = tensors(a), tensors(b)
    return len(left) == len(right) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.numpy().tobytes() == y.numpy().tobytes()
        for x, y in zip(left, right, strict=True)
    )


def make_inbox(orders=None, spoil=None, degrees=DEGREES, factor=1.0, shift=0.0):
    """Four learners with random mail; each one's loss grows with the distance from a target of its own.

    - `orders`: for each learner, the order in which its neighbours stand
    - `spoil`: values by (learner, neighbour, coordinate or ...)
    - `factor`, `shift`: all models, x, stand at factor x + shift, and have the losses of x
    """
    learners, k = len(degrees), max(degrees)
    own = random_models(learners, D, seed=1)
    mail = random_models(learners * max(k, 1), D, seed=2).reshape(learners, max(k, 1), D)[:, :k].clone()
    targets = random_models(learners, D, seed=3, spread=0.5)
    for (i, j, where), value in (spoil or {}).items():
        mail[i, j, where] = value
    present = torch.arange(k) < torch.tensor(degrees)[:, None]
    # One attacker among the neighbours of those who have several.
    byzantine = present & (torch.arange(k) == 1)
    metropolis = present / (2.0 + torch.arange(k) + max(degrees))
    for i, order in enumerate(orders or []):
        index = torch.tensor([*order, *range(len(order), k)], dtype=torch.long)
        mail[i], byzantine[i], metropolis[i] = mail[i, index], byzantine[i, index], metropolis[i, index]
    rows = learners + torch.arange(learners * k).reshape(learners, k)
    rows = torch.where(present, rows, torch.arange(learners)[:, None])
    oracle = Function(lambda i, x: ((x - shift) / factor - targets[i]).square().mean().item())
    oracle.models = torch.cat([own, mail.reshape(-1, D)]) * factor + shift
    roster = SimpleNamespace(present=present, byzantine=byzantine, metropolis=metropolis)
    return Inbox.of(oracle.models, rows, roster, oracle, tuple(range(learners)))


def late_state(defense, learners=LEARNERS, neighbours=K):
    """The state after many epochs in which nothing improved: every rule that watches has detected something."""
    state = defense.init(learners, neighbours)
    for _ in range(30):
        state = defense.end_epoch(
            state,
            torch.ones(learners, dtype=torch.bool),
            lambda of, metric: torch.full((learners,), 0.5, dtype=torch.float64),
        )
    return state


@pytest.fixture(params=choices("defense"))
def name(request):
    return request.param


@pytest.fixture
def defense(name):
    return chosen("defense", name)


@pytest.fixture(params=["first", "late"])
def state(request, defense):
    return defense.init(LEARNERS, K) if request.param == "first" else late_state(defense)


def test_defense_is_called_what_its_file_is(name, defense):
    assert defense.name == name


def test_defense_says_what_it_assumes(name, defense):
    text = type(defense).__doc__
    assert text
    if name not in REFERENCE:
        assert "**Assumes**" in text
        assert "**Source:**" in text
    if getattr(defense, "f", None) == "known":
        # Hidden knowledge of the true number of attackers is what this field is blamed for.
        assert "known" in text


def test_defense_returns_what_it_should(defense, state):
    inbox = make_inbox()
    after, mix = defense.aggregate(state, inbox)
    assert isinstance(mix, Mix)
    assert mix.models.shape == (LEARNERS, D)
    assert mix.models.dtype == torch.float32
    assert [t.shape for t in tensors(after)] == [t.shape for t in tensors(state)]
    if mix.selected is not None:
        assert mix.selected.shape == (LEARNERS, K)
        assert mix.selected.dtype == torch.bool
        assert not (mix.selected & ~inbox.present).any()
    if mix.fallback is not None:
        assert mix.fallback.shape == (LEARNERS,)
        assert mix.fallback.dtype == torch.bool
    if mix.weights is not None:
        assert mix.weights.shape == (LEARNERS, K)
        assert (mix.weights >= 0).all()
        assert (mix.weights.sum(1) <= 1 + 1e-6).all()
        if mix.selected is not None:
            assert not mix.weights[~mix.selected].any()


def test_defense_did_what_its_weights_say(defense, state):
    """byzantine_weight is only worth something if the weights that are logged are those of the mix."""
    inbox = make_inbox()
    mix = defense.aggregate(state, inbox)[1]
    for i, degree in enumerate(DEGREES if mix.weights is not None else ()):
        expected = inbox.own[i] * (1 - mix.weights[i].sum())
        for j in range(degree):
            expected = expected + mix.weights[i, j] * inbox.models[inbox.rows[i, j]]
        torch.testing.assert_close(mix.models[i], expected, rtol=1e-4, atol=1e-5)


def test_defense_leaves_its_input_untouched(defense, state):
    inbox = make_inbox()
    before = [t.clone() for t in tensors(inbox)], [t.clone() for t in tensors(state)]
    _, mix = defense.aggregate(state, inbox)
    assert same(inbox, before[0])
    assert same(state, before[1])
    # Nor can the result be a view through which the next local update would write into what was sent.
    if defense.name != "local":
        mix.models.fill_(0)
        assert same(inbox, before[0])


def test_defense_gives_the_same_bits_twice(defense, state):
    assert same(defense.aggregate(state, make_inbox()), defense.aggregate(state, make_inbox()))


def test_defense_does_not_care_for_the_order_of_neighbours(defense, state):
    orders = [[5, 2, 7, 0, 3, 6, 1, 4], [4, 2, 0, 3, 1], [0], []]
    plain = defense.aggregate(state, make_inbox())[1]
    shuffled = defense.aggregate(state, make_inbox(orders))[1]
    torch.testing.assert_close(shuffled.models, plain.models, rtol=1e-4, atol=1e-5)
    for i, order in enumerate(orders):
        if plain.selected is not None:
            assert shuffled.selected[i, : len(order)].tolist() == plain.selected[i, order].tolist()
        if plain.weights is not None:
            torch.testing.assert_close(shuffled.weights[i, : len(order)], plain.weights[i, order])


def test_defense_moves_with_the_models(name, defense, state):
    """Where zero lies is nobody's business: with all models moved and their losses kept, a rule decides as before."""
    plain = defense.aggregate(state, make_inbox())[1].models
    moves = [64.0, torch.arange(D) * 8.0]
    moved = [defense.aggregate(state, make_inbox(shift=by))[1].models - by for by in moves]
    follows = all(torch.allclose(there, plain, rtol=0, atol=1e-4) for there in moved)
    assert follows == (name not in ASKS_WHERE_ZERO_IS)


def test_defense_stretches_with_the_models(name, defense, state):
    """Nor is the unit that parameters are in."""
    plain = defense.aggregate(state, make_inbox())[1].models
    factors = [2.0**-12, 2.0**12]
    stretched = [defense.aggregate(state, make_inbox(factor=by))[1].models / by for by in factors]
    follows = all(torch.allclose(there, plain, rtol=0, atol=1e-5) for there in stretched)
    assert follows == (name not in HAS_A_LENGTH)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", [3, ...], ids=["one coordinate", "all"])
@pytest.mark.parametrize("neighbour", [0, 1], ids=["benign", "byzantine"])
def test_no_defense_lets_non_finite_values_in(name, defense, state, value, where, neighbour):
    spoil = {(0, neighbour, where): value, (1, neighbour, where): value}
    after, mix = defense.aggregate(state, make_inbox(spoil=spoil))
    if name in UNDEFENDED:
        assert not mix.models[:2].isfinite().all()
        return
    assert mix.models.isfinite().all()
    assert all(not t.isnan().any() for t in tensors(after))
    for decided in (mix.selected, mix.weights):
        assert decided is None or not decided[:2, neighbour].any()
    # Learners who did not hear it are not touched by it.
    clean = defense.aggregate(state, make_inbox())[1]
    torch.testing.assert_close(mix.models[2:], clean.models[2:])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_node_keeps_its_own_model_where_nothing_finite_came_in(name, defense, state, value):
    spoil = {(i, j, j % D): value for i, degree in enumerate(DEGREES) for j in range(degree)}
    inbox = make_inbox(spoil=spoil)
    kept = torch.equal(defense.aggregate(state, inbox)[1].models, inbox.own)
    assert kept == (name not in UNDEFENDED)


def test_an_isolated_node_keeps_its_own_model(defense, state):
    inbox = make_inbox()
    assert DEGREES[3] == 0
    mix = defense.aggregate(state, inbox)[1]
    assert torch.equal(mix.models[3], inbox.own[3])
    assert mix.fallback is None or not mix.fallback[3]


@pytest.mark.parametrize("make_state", [lambda d: d.init(2, 0), lambda d: late_state(d, 2, 0)], ids=["first", "late"])
def test_nodes_without_any_edge_between_them_keep_their_own_models(defense, make_state):
    inbox = make_inbox(degrees=(0, 0))
    assert torch.equal(defense.aggregate(make_state(defense), inbox)[1].models, inbox.own)


def test_defense_counts_every_learner_for_itself(defense, state):
    """Nodes know nothing of each other's mail: what learner 1 receives cannot change learner 0's result."""
    plain = defense.aggregate(state, make_inbox())[1]
    other = defense.aggregate(state, make_inbox(spoil={(1, j, ...): 50.0 + j for j in range(5)}))[1]
    for i in (0, 2, 3):
        torch.testing.assert_close(other.models[i], plain.models[i])


# Attacks


BENIGN, ATTACKERS = 6, 3
SENDERS, VICTIMS = [0, 1, 2, 0, 1, 0], [3, 3, 4, 5, 5, 8]


def make_view(attack, order=None, messages=None, factor=1.0, shift=0.0):
    """Six benign models and three attackers with six messages to send.

    - `order`: in which the benign models stand
    - `messages`: in which the messages stand
    - `factor`, `shift`: all models, x, stand at factor x + shift
    """
    order = list(range(BENIGN)) if order is None else order
    messages = list(range(len(SENDERS))) if messages is None else messages
    previous = random_models(BENIGN, D, seed=5)
    benign = previous + random_models(BENIGN, D, seed=6, spread=0.1)
    own = random_models(ATTACKERS if attack.follows_protocol else 0, D, seed=7)
    return view_of(
        benign[order] * factor + shift,
        previous[order] * factor + shift,
        own * factor + shift,
        own_previous=own / 2 * factor + shift,
        reach=10 * factor,
        byzantine=ATTACKERS,
        attacker=torch.tensor(SENDERS)[messages],
        victim=torch.tensor(VICTIMS)[messages],
        standing=[order.index(i) for i in range(BENIGN)],
    )


def sent(attack, view):
    """What each message carries [E, d]."""
    _, messages = attack.send(attack.init(*view.after.shape), view)
    return messages.models[messages.index]


@pytest.fixture(params=choices("attack"))
def attack_name(request):
    return request.param


@pytest.fixture
def attack(attack_name):
    return chosen("attack", attack_name)


def test_attack_is_called_what_its_file_is(attack_name, attack):
    assert attack_name.startswith(attack.name.split()[0])  # a variant may say more: alie z=1.5


def test_attack_says_what_it_knows(attack_name, attack):
    assert "**Knows**" in (type(attack).__doc__ or "")
    assert "# Knows:" in (CONF / "attack" / f"{attack_name}.yaml").read_text(encoding="utf-8")


def test_attack_sends_one_model_a_message(attack):
    view = make_view(attack)
    _, messages = attack.send(attack.init(*view.after.shape), view)
    assert isinstance(messages, Messages)
    assert messages.models.ndim == 2
    assert messages.models.shape[1] == D
    assert messages.models.dtype == torch.float32
    assert messages.index.shape == (len(SENDERS),)
    assert messages.index.dtype == torch.long
    assert (messages.index >= 0).all()
    assert (messages.index < len(messages.models)).all()


def test_attack_leaves_its_input_untouched(attack):
    view = make_view(attack)
    state = attack.init(*view.after.shape)
    before = [t.clone() for t in tensors(view)], [t.clone() for t in tensors(state)]
    attack.send(state, view)
    assert same(view, before[0])
    assert same(state, before[1])


def test_attack_sends_the_same_bits_twice(attack):
    views = make_view(attack), make_view(attack)
    assert same(*(attack.send(attack.init(*view.after.shape), view) for view in views))


def test_attack_does_not_care_for_the_order_of_benign_models(attack):
    torch.testing.assert_close(
        sent(attack, make_view(attack, order=[4, 2, 0, 5, 1, 3])), sent(attack, make_view(attack)), equal_nan=True
    )


def test_attack_moves_with_the_models(attack_name, attack):
    plain = sent(attack, make_view(attack))
    moves = [64.0, torch.arange(D) * 8.0]
    moved = [sent(attack, make_view(attack, shift=by)) - by for by in moves]
    follows = all(torch.allclose(there, plain, rtol=0, atol=1e-3, equal_nan=True) for there in moved)
    assert follows == (attack_name not in ASKS_WHERE_ZERO_IS)


def test_attack_stretches_with_the_models(attack_name, attack):
    plain = sent(attack, make_view(attack))
    factors = [2.0**-12, 2.0**12]
    stretched = [sent(attack, make_view(attack, factor=by)) / by for by in factors]
    follows = all(torch.allclose(there, plain, rtol=1e-5, atol=1e-5, equal_nan=True) for there in stretched)
    assert follows == (attack_name not in HAS_A_LENGTH)


def test_messages_keep_to_their_senders_and_victims(attack):
    order = [3, 0, 5, 1, 4, 2]
    torch.testing.assert_close(
        sent(attack, make_view(attack, messages=order)), sent(attack, make_view(attack))[order], equal_nan=True
    )


def test_attack_without_anybody_to_send_to(attack):
    """Attackers may have attackers alone for neighbours (topology.require=none)."""
    assert sent(attack, make_view(attack, messages=[])).shape == (0, D)


def test_attack_without_attackers(attack):
    """attack.br=0 is the line that everything else is compared with."""
    benign = random_models(10, D, seed=5)
    nobody = torch.empty(0, dtype=torch.long)
    view = view_of(benign, benign, benign[:0], byzantine=0, attacker=nobody, victim=nobody)
    assert sent(attack, view).shape == (0, D)


def test_poisoned_batches_stay_batches(attack):
    images, labels = torch.rand(6, 1, 4, 4), torch.tensor([0, 1, 2, 3, 4, 0])
    before = images.clone(), labels.clone()
    poisoned, flipped = attack.poison(images, labels, classes=5)
    assert torch.equal(images, before[0])
    assert torch.equal(labels, before[1])
    assert poisoned.shape == images.shape
    assert poisoned.dtype == images.dtype
    assert flipped.shape == labels.shape
    assert flipped.dtype == labels.dtype
    assert ((flipped >= 0) & (flipped < 5)).all()
