"""What every attack keeps to."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from byzdl.attacks import Attack, AttackView, Messages
from byzdl.config.types import ConfigError, RuleError
from byzdl.testing.cases import D, random_models
from byzdl.testing.checkpoints import survives_a_checkpoint
from byzdl.testing.compare import copied, difference, leaves_global_random_state, same_bits, tensors
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record
from byzdl.testing.reporting import check_facts, check_report
from byzdl.testing.views import attack_view, averaging, network_view
from byzdl.topology import Network

BENIGN, ATTACKERS = 6, 3
SENDERS, VICTIMS = (0, 1, 2, 0, 1, 0), (3, 3, 4, 5, 5, 8)
# Rounds that an attack has acted in already, and what is put behind a finding.
MOMENTS = ((0, ""), (3, " (after 3 rounds)"))

# Benign is the path 0 - 1 - 2 - 4. Node 3 attacks 0, 1 and 4; node 5 attacks 4 and node 3.
NEIGHBOURHOODS = Network(
    neighbours=((1, 3), (0, 2, 3), (1, 4), (0, 1, 4, 5), (2, 3, 5), (3, 4)),
    byzantine=(3, 5),
)


def random_view(
    attack: Attack,
    *,
    order: Sequence[int] = range(BENIGN),
    messages: Sequence[int] = range(len(SENDERS)),
    factor: float = 1.0,
    shift: Tensor | float = 0.0,
) -> AttackView:
    """Six random benign models, which progress a little, and three attackers with six messages to send.

    - `order`: the order of the benign models among the learners
    - `messages`: the messages, in their order
    - `factor`, `shift`: each model x becomes factor x + shift
    """
    previous = random_models(BENIGN, D, seed=5)
    benign = previous + random_models(BENIGN, D, seed=6, spread=0.1)
    own = random_models(ATTACKERS if attack.trains else 0, D, seed=7)
    rows = list(order)
    return attack_view(
        benign[rows] * factor + shift,
        previous[rows] * factor + shift,
        own * factor + shift,
        own_previous=own / 2 * factor + shift,
        reach=10 * factor,
        byzantine=ATTACKERS,
        attacker=torch.tensor(SENDERS)[list(messages)],
        victim=torch.tensor(VICTIMS)[list(messages)],
        places=[rows.index(i) for i in range(BENIGN)],
    )


def sent(attack: Attack, state: Any, view: AttackView) -> tuple[Any, Messages]:
    """The attack's new state and messages."""
    with calling("send"):
        answer = attack.send(state, view)
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], Messages):
            got = f"a tuple of {len(answer)}" if type(answer) is tuple else f"a {type(answer).__name__}"
            raise RuleError(f"returns {got}, but must return (state, Messages)")
        answer[1].check(len(view.attacker), view.after.shape[1])
        index = answer[1].index
        if ((index < 0) | (index >= len(answer[1].models))).any():
            raise RuleError(f"Messages.index is {index.tolist()}, but must be below the {len(answer[1].models)} models")
    return answer


def delivered(messages: Messages) -> Tensor:
    """The model that each message carries [E, d]."""
    return messages.models[messages.index]


def state_at(attack: Attack, rounds: int, view: AttackView) -> Any:
    """The attack's state after a number of rounds, each with this view."""
    with calling("init"):
        state = attack.init(*view.after.shape)
    for done in range(rounds):
        state, _ = sent(attack, state, replace(view, round=done))
    return state


def deliveries(attack: Attack, **case: Any) -> Iterator[tuple[str, Tensor]]:
    """For each moment, what the messages carry; all earlier rounds were of this case, too."""
    for rounds, words in MOMENTS:
        view = replace(random_view(attack, **case), round=rounds)
        yield words, delivered(sent(attack, state_at(attack, rounds, view), view)[1])


def with_lost(view: AttackView, count: int, value: float) -> AttackView:
    """The view with some benign models, the first ones, replaced by a value."""
    before, after = view.before.clone(), view.after.clone()
    rows = view.benign_rows[:count]
    before[rows], after[rows] = value, value
    return replace(view, before=before, after=after, rehearsal=averaging(after, reach=10.0))


def says_what_it_knows(attack: Attack) -> None:
    """Its docstring says what the attackers know."""
    if "**Knows**" not in (type(attack).__doc__ or ""):
        raise BrokenError("", "has a docstring without **Knows**, but must say what the attackers know")


def sends_one_model_a_message(attack: Attack) -> None:
    """Sends models of the right shape and type, and says which of them each message carries."""
    for rounds, words in MOMENTS:
        view = replace(random_view(attack), round=rounds)
        _, messages = sent(attack, state_at(attack, rounds, view), view)
        if messages.models.dtype != torch.float32:
            raise BrokenError(
                "send", f"Messages.models is of {messages.models.dtype}, but must be of torch.float32{words}"
            )


def keeps_the_shapes_of_its_state(attack: Attack) -> None:
    """The state keeps its shapes and types from round to round."""
    view = random_view(attack)
    first, later = ([(t.shape, t.dtype) for t in tensors(state_at(attack, rounds, view))] for rounds, _ in MOMENTS)
    if later != first:
        raise BrokenError("send", f"returns a state of {later}, but must keep that of init, {first}")


def leaves_its_input_untouched(attack: Attack) -> None:
    """Changes neither what it sees nor its state in place."""
    for rounds, words in MOMENTS:
        view = replace(random_view(attack), round=rounds)
        state = state_at(attack, rounds, view)
        seen, kept = copied(view), copied(state)
        sent(attack, state, view)
        if not same_bits(view, seen):
            raise BrokenError("send", f"changes the models that it sees in place{words}")
        if not same_bits(state, kept):
            raise BrokenError("send", f"changes the state that it was given in place{words}")


def repeats_itself(attack: Attack) -> None:
    """Sends the same bits twice."""
    for (words, first), (_, second) in zip(deliveries(attack), deliveries(attack), strict=True):
        if not same_bits(first, second):
            apart = difference(second, first, "message", rtol=0, atol=0)
            raise BrokenError("send", f"sends other bits for the same input: {apart}{words}")


def draws_from_streams_of_its_own(attack: Attack) -> None:
    """Leaves the global random state of torch, numpy and Python alone."""
    for rounds, _ in MOMENTS:
        view = replace(random_view(attack), round=rounds)
        state = state_at(attack, rounds, view)
        with leaves_global_random_state("send"):
            sent(attack, state, view)


def ignores_the_order_of_benign_models(attack: Attack) -> None:
    """Sends the same whatever the order of the benign models among the learners."""
    shuffled = deliveries(attack, order=[4, 2, 0, 5, 1, 3])
    for (words, plain), (_, other) in zip(deliveries(attack), shuffled, strict=True):
        if apart := difference(other, plain, "message", rtol=1e-5):
            raise BrokenError("send", f"the messages change when the benign models are permuted: {apart}{words}")


def moves_with_the_models(attack: Attack) -> None:
    """Where it promises translation: all models moved alike move the messages alike."""
    for by in (64.0, torch.arange(D) * 8.0) if "translation" in attack.equivariant else ():
        for (words, plain), (_, moved) in zip(deliveries(attack), deliveries(attack, shift=by), strict=True):
            if apart := difference(moved - by, plain, "message", rtol=0, atol=1e-3):
                promise = "promises translation, but the messages do not move with the models"
                raise BrokenError("send", f"{promise}: {apart}{words}")


def scales_with_the_models(attack: Attack) -> None:
    """Where it promises scale: all models scaled alike scale the messages alike."""
    for by in (2.0**-12, 2.0**12) if "scale" in attack.equivariant else ():
        for (words, plain), (_, scaled) in zip(deliveries(attack), deliveries(attack, factor=by), strict=True):
            if apart := difference(scaled / by, plain, "message", rtol=1e-5):
                promise = "promises scale, but the messages do not scale with the models"
                raise BrokenError("send", f"{promise}: {apart}{words}")


def keeps_messages_to_their_senders_and_victims(attack: Attack) -> None:
    """What goes from whom to whom does not depend on the order of the messages."""
    order = [3, 0, 5, 1, 4, 2]
    for (words, plain), (_, other) in zip(deliveries(attack), deliveries(attack, messages=order), strict=True):
        if apart := difference(other, plain[order], "message", rtol=1e-5):
            raise BrokenError("send", f"the models go elsewhere when the messages are permuted: {apart}{words}")


def sends_nothing_to_nobody(attack: Attack) -> None:
    """Sends no message where no learner hears a Byzantine node, and none where there is no Byzantine node."""
    benign, nobody = random_models(10, D, seed=5), torch.empty(0, dtype=torch.long)
    without = attack_view(benign, benign, benign[:0], byzantine=0, attacker=nobody, victim=nobody)
    for view in (random_view(attack, messages=[]), without):
        sent(attack, state_at(attack, 0, view), view)


def survives_models_that_are_lost(attack: Attack) -> None:
    """Sends models of the right shape, too, when one benign model or all of them are not finite, or are huge."""
    for value in (torch.nan, torch.inf, -torch.inf, 3e38):
        for lost in (1, BENIGN):
            for rounds, words in MOMENTS:
                view = with_lost(random_view(attack), lost, value)
                _, messages = sent(attack, state_at(attack, rounds, view), replace(view, round=rounds))
                where = f"{lost} of {BENIGN} benign models is {value:g}"
                if messages.models.dtype != torch.float32:
                    got = f"Messages.models is of {messages.models.dtype}, but must be of torch.float32"
                    raise BrokenError("send", f"{got} where {where}{words}")
                moves = "translation" in attack.equivariant and not attack.trains
                if moves and lost == BENIGN and value != value and delivered(messages).isfinite().any():
                    promise = "promises translation, but makes numbers of benign models that are all NaN"
                    raise BrokenError("send", f"{promise}{words}")


def survives_a_single_benign_model(attack: Attack) -> None:
    """Sends finite models where there is a single benign one, if it does so where there are several."""
    if not all(messages.isfinite().all() for _, messages in deliveries(attack)):
        return
    model, own = random_models(1, D, seed=5), random_models(ATTACKERS if attack.trains else 0, D, seed=7)
    senders, victims = torch.arange(ATTACKERS), torch.zeros(ATTACKERS, dtype=torch.long)
    view = attack_view(model, model / 2, own, byzantine=ATTACKERS, attacker=senders, victim=victims)
    try:
        attack.check(view.network)
    except ConfigError:
        return
    for rounds, words in MOMENTS:
        _, messages = sent(attack, state_at(attack, rounds, view), replace(view, round=rounds))
        if not delivered(messages).isfinite().all():
            raise BrokenError("send", f"sends a model that is not finite where there is a single benign one{words}")


def sees_no_more_than_its_scope(attack: Attack) -> None:
    """With scope=neighbourhood a message depends on its victim's neighbourhood alone."""
    near = attack.model_copy(update={"scope": "neighbourhood"})
    nodes = NEIGHBOURHOODS.n if near.trains else len(NEIGHBOURHOODS.benign)
    before, after = random_models(nodes, D, seed=5), random_models(nodes, D, seed=6)
    plain = network_view(NEIGHBOURHOODS, before, after)
    for one in plain.roster.neighbourhoods:
        seen = {one.row, *one.benign.tolist(), *plain.byzantine_rows.tolist()}
        far = torch.tensor([row not in seen for row in range(nodes)])[:, None]
        other = network_view(NEIGHBOURHOODS, before + 3.0 * far, after - 5.0 * far)
        found = []
        for view in (plain, other):
            with calling("send"):
                found.append(delivered(near.act(near.begin(nodes, D), view)[1])[one.messages])
        if apart := difference(found[1], found[0], "message", rtol=1e-5):
            node = int(plain.roster.learners[one.row])
            words = f"with scope=neighbourhood, what node {node} gets depends on nodes that are not its neighbours"
            raise BrokenError("send", f"{words}: {apart}")


def poisons_batches_into_batches(attack: Attack) -> None:
    """Poisons a mini-batch into one of the same shapes and types, with labels of known classes, and leaves the honest one."""
    images, labels = torch.rand(6, 1, 4, 4), torch.tensor([0, 1, 2, 3, 4, 0])
    before = images.clone(), labels.clone()
    for attacker in range(ATTACKERS):
        with calling("poison"):
            poisoned, flipped = attack.poison_of(attacker, ATTACKERS, images, labels, classes=5)
        if not torch.equal(images, before[0]) or not torch.equal(labels, before[1]):
            raise BrokenError("poison", "changes the honest mini-batch in place")
        for name, found, given in (("images", poisoned, images), ("labels", flipped, labels)):
            if found.shape != given.shape or found.dtype != given.dtype:
                got, must = f"{list(found.shape)} of {found.dtype}", f"{list(given.shape)} of {given.dtype}"
                raise BrokenError("poison", f"returns {name} {got}, but must return {must}")
        if ((flipped < 0) | (flipped >= 5)).any():
            raise BrokenError(
                "poison", f"returns labels {flipped.tolist()}, but must return some of the 5 classes, from 0 on"
            )


def shows_its_trigger(attack: Attack) -> None:
    """Where success is told by triggered images: shows as many images, which of them count, and a known class."""
    if not attack.triggers:
        return
    images, labels = torch.rand(6, 1, 4, 4), torch.tensor([0, 1, 2, 3, 4, 0])
    before = images.clone()
    with calling("triggered"):
        shown, counts, target = attack.triggered(images, labels)
    if not torch.equal(images, before):
        raise BrokenError("triggered", "changes the test images in place")
    if shown.shape != images.shape or shown.dtype != images.dtype:
        raise BrokenError(
            "triggered", f"shows images {list(shown.shape)} of {shown.dtype}, but must show {list(images.shape)}"
        )
    if counts.shape != labels.shape or counts.dtype != torch.bool:
        raise BrokenError(
            "triggered", f"counts {list(counts.shape)} of {counts.dtype}, but must count {list(labels.shape)} of bool"
        )
    if not isinstance(target, int) or target < 0:
        raise BrokenError("triggered", f"wants to hear {target!r}, but must want a class, an integer from 0 on")


def keeps_a_state_that_survives_a_checkpoint(attack: Attack) -> None:
    """The state is plain containers, numbers and tensors: it goes on from a checkpoint with the same bits."""
    view = random_view(attack)
    for rounds, words in MOMENTS:
        state = state_at(attack, rounds, view)
        again = survives_a_checkpoint(state_at(attack, 0, view), state, words)
        if not same_bits(sent(attack, again, view), sent(attack, state, view)):
            raise BrokenError("send", f"sends other bits from a state that a checkpoint kept{words}")


def reports_named_columns(attack: Attack) -> None:
    """What it reports is named like no other column, and is a value for each learner or for each neighbour."""
    view = random_view(attack)
    for rounds, words in MOMENTS:
        state = state_at(attack, rounds, view)
        with calling("report"):
            reported = dict(attack.report(state))
        shape = tuple(view.roster.present.shape)
        check_report(reported, (shape[:1], shape), words)


def tells_facts_as_json(attack: Attack) -> None:
    """What it tells run.json is JSON, on a graph that it does not refuse."""
    try:
        with calling("check"):
            attack.check(NEIGHBOURHOODS)
    except BrokenError as refused:
        if isinstance(refused.__cause__, ConfigError):
            return
        raise
    check_facts(lambda: attack.facts(NEIGHBOURHOODS))


CONTRACTS: tuple[Contract[Attack], ...] = contracts(
    is_a_frozen_record,
    says_what_it_knows,
    sends_one_model_a_message,
    keeps_the_shapes_of_its_state,
    leaves_its_input_untouched,
    repeats_itself,
    draws_from_streams_of_its_own,
    ignores_the_order_of_benign_models,
    moves_with_the_models,
    scales_with_the_models,
    keeps_messages_to_their_senders_and_victims,
    sends_nothing_to_nobody,
    survives_models_that_are_lost,
    survives_a_single_benign_model,
    sees_no_more_than_its_scope,
    poisons_batches_into_batches,
    shows_its_trigger,
    keeps_a_state_that_survives_a_checkpoint,
    reports_named_columns,
    tells_facts_as_json,
)


def check_attack(attack: Attack) -> None:
    """Checks an attack against every contract of attacks.

    - `attack`: an instance. It is checked in its first state and after some rounds, and held to what its class promises
      (`equivariant`)

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> class Zero(Attack):
    ...     '''Sends the zero model. **Knows** nothing.'''
    ...     def send(self, state, view):
    ...         return state, Messages.same(torch.zeros_like(view.after[0]), view)
    >>> check_attack(Zero(br=0.3))
    >>> class Proud(Zero):
    ...     equivariant = ("scale", "translation")
    >>> check_attack(Proud(br=0.3))
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: Proud: has a docstring without **Knows**, but must say what the attackers know
    Proud.send: promises translation, but the messages do not move with the models: message 0 differs by 64
    Proud.send: promises translation, but makes numbers of benign models that are all NaN
    """
    check_all(Attack, CONTRACTS, attack)
