"""What every defense keeps to."""

import math
from collections.abc import Iterator
from typing import Any

import torch

from byzdl.config.types import ConfigError, RuleError
from byzdl.defenses import Defense
from byzdl.defenses.copies import repeated
from byzdl.exchange import Conditions, Inbox, Mix
from byzdl.testing.cases import (
    DEGREES,
    LEARNERS,
    MOMENTS,
    NEIGHBOURS,
    SHUFFLED,
    D,
    Moment,
    Place,
    at_once,
    random_inbox,
)
from byzdl.testing.checkpoints import survives_a_checkpoint
from byzdl.testing.compare import copied, difference, leaves_global_random_state, same_bits, tensors
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record
from byzdl.testing.reporting import check_facts, check_report
from byzdl.topology import Network

# Node 1 is Byzantine, and a neighbour of all others.
KITE = Network(neighbours=((1, 2), (0, 2, 3), (0, 1, 3), (1, 2)), byzantine=(1,))
NON_FINITE = (math.nan, math.inf, -math.inf)


def aggregated(rule: Defense, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
    """The rule's new state and mix."""
    with calling("aggregate"):
        answer = rule.aggregate(state, inbox)
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], Mix):
            got = f"a tuple of {len(answer)}" if type(answer) is tuple else f"a {type(answer).__name__}"
            raise RuleError(f"returns {got}, but must return (state, Mix)")
        (learners, d), k = inbox.own.shape, inbox.rows.shape[1]
        answer[1].check(learners, d, k)
    return answer


def moments(rule: Defense, inbox: Inbox) -> Iterator[tuple[Moment, Any]]:
    """The first moment of a run and a later one, each with the rule's state in it."""
    for moment in MOMENTS:
        yield moment, moment.state(rule, inbox)


def mixes(rule: Defense, **case: Any) -> Iterator[tuple[Moment, Inbox, Mix]]:
    """For each moment, the inbox of a case and the mix; all earlier rounds were of this case, too."""
    for moment in MOMENTS:
        inbox = random_inbox(**case, round=moment.rounds)
        yield moment, inbox, aggregated(rule, moment.state(rule, inbox), inbox)[1]


def says_what_it_assumes(rule: Defense) -> None:
    """Its docstring says what the rule assumes, and where it comes from; a reference line need not."""
    text = type(rule).__doc__ or ""
    if not text.strip():
        raise BrokenError("", "has no docstring, but must say what the rule does")
    for part in () if rule.reference else ("**Assumes**", "**Source:**"):
        if part not in text:
            raise BrokenError("", f"has a docstring without {part}, which all rules but reference lines must have")
    # Hidden knowledge of the true number of attackers is what this field is blamed for.
    if getattr(rule, "f", None) == "known" and "known" not in text:
        raise BrokenError("", "is told the true number of attackers (f=known), but its docstring does not say so")


def returns_a_mix(rule: Defense) -> None:
    """Returns its state and a mix: shapes, types, and weights that are shares."""
    for moment, inbox, mix in mixes(rule):
        at, there = moment.words, inbox.present
        if mix.models.dtype != torch.float32:
            raise BrokenError("aggregate", f"Mix.models is of {mix.models.dtype}, but must be of torch.float32{at}")
        if mix.fallback is not None and mix.fallback.dtype != torch.bool:
            raise BrokenError("aggregate", f"Mix.fallback is of {mix.fallback.dtype}, but must be of torch.bool{at}")
        if mix.selected is not None and (mix.selected & ~there).any():
            raise BrokenError("aggregate", f"Mix.selected is true where no message arrived{at}")
        if not rule.listens and (mix.weights is None or mix.weights.any()):
            raise BrokenError("aggregate", f"mixes in what was received, but listens to nobody (listens = False){at}")
        if mix.weights is None:
            continue
        if not (mix.weights >= 0).all():
            raise BrokenError("aggregate", f"Mix.weights holds {mix.weights.min():.2g}, but must be at least 0{at}")
        if not (mix.weights.sum(1) <= 1 + 1e-6).all():
            most = mix.weights.sum(1).max()
            raise BrokenError("aggregate", f"Mix.weights of a learner add up to {most:.3g}, but must to at most 1{at}")
        if mix.weights[~there].any():
            raise BrokenError("aggregate", f"Mix.weights is above 0 where no message arrived{at}")
        if mix.selected is not None and mix.weights[~mix.selected].any():
            raise BrokenError("aggregate", f"Mix.weights is above 0 where Mix.selected is false{at}")


def keeps_the_shapes_of_its_state(rule: Defense) -> None:
    """The state keeps its shapes and types from round to round and from epoch to epoch."""
    inbox = random_inbox()
    with calling("init"):
        first = [(t.shape, t.dtype) for t in tensors(rule.begin(LEARNERS, NEIGHBOURS, D))]
    for method, moment in (("aggregate", Moment(1, 0, "")), ("end_epoch", MOMENTS[1])):
        later = [(t.shape, t.dtype) for t in tensors(moment.state(rule, inbox))]
        if later != first:
            raise BrokenError(method, f"returns a state of {later}, but must keep that of init, {first}")


def mixes_by_its_weights(rule: Defense) -> None:
    """The weights in the logs are those of the mix, where the rule tells any."""
    for moment, inbox, mix in mixes(rule):
        if mix.weights is None:
            continue
        expected = inbox.combine(mix.weights)
        if apart := difference(mix.models, expected):
            words = f"Mix.models is not what Mix.weights make of the received models: {apart}{moment.words}"
            raise BrokenError("aggregate", words)


def leaves_its_input_untouched(rule: Defense) -> None:
    """Changes neither the inbox nor the state, and its result shares no memory with a received model or with the state."""
    for moment in MOMENTS:
        inbox = random_inbox(round=moment.rounds)
        state = moment.state(rule, inbox)
        models, received = inbox.models.clone(), copied(inbox)
        kept = copied(state)
        _, mix = aggregated(rule, state, inbox)
        if not same_bits(inbox, received):
            raise BrokenError("aggregate", f"changes the inbox in place{moment.words}")
        if not same_bits(state, kept):
            raise BrokenError("aggregate", f"changes the state that it was given in place{moment.words}")
        # The own models themselves may come back: no later round writes to them.
        itself = mix.models.data_ptr() == inbox.models.data_ptr()
        mix.models.fill_(0)
        if not torch.equal(inbox.models[LEARNERS if itself else 0 :], models[LEARNERS if itself else 0 :]):
            raise BrokenError("aggregate", f"returns models that share memory with the inbox{moment.words}")
        if not same_bits(state, kept):
            raise BrokenError("aggregate", f"returns models that share memory with the state{moment.words}")


def leaves_the_state_of_an_epoch_untouched(rule: Defense) -> None:
    """An epoch's end gives a new state and leaves the old one as it was."""
    for moment, state in moments(rule, random_inbox()):
        kept = copied(state)
        ended = torch.tensor([True, False, True, False])

        def scores(data: str, metric: str) -> torch.Tensor:
            return torch.tensor([0.25, torch.nan, 0.75, torch.nan], dtype=torch.float64)

        with calling("end_epoch"):
            rule.end_epoch(state, ended, scores)
        if not same_bits(state, kept):
            raise BrokenError("end_epoch", f"changes the state that it was given in place{moment.words}")
        if ended.tolist() != [True, False, True, False]:
            raise BrokenError("end_epoch", f"changes `ended` in place{moment.words}")


def repeats_itself(rule: Defense) -> None:
    """Gives the same bits twice."""
    for moment in MOMENTS:
        first, second = (
            aggregated(rule, moment.state(rule, inbox), inbox)
            for inbox in (random_inbox(round=moment.rounds), random_inbox(round=moment.rounds))
        )
        if not same_bits(first, second):
            apart = difference(second[1].models, first[1].models, rtol=0, atol=0) or "the state or the logs differ"
            raise BrokenError("aggregate", f"gives other bits for the same input: {apart}{moment.words}")


def draws_from_streams_of_its_own(rule: Defense) -> None:
    """Leaves the global random state of torch, numpy and Python alone."""
    inbox = random_inbox()
    for _, state in moments(rule, inbox):
        with leaves_global_random_state("aggregate"):
            aggregated(rule, state, inbox)


def ignores_the_order_of_neighbours(rule: Defense) -> None:
    """Gives the same result whatever the order of neighbours."""
    for (moment, _, plain), (_, _, shuffled) in zip(mixes(rule), mixes(rule, orders=SHUFFLED), strict=True):
        if apart := difference(shuffled.models, plain.models):
            raise BrokenError("aggregate", f"the result changes when neighbours are permuted: {apart}{moment.words}")
        for name in ("selected", "weights"):
            before, after = getattr(plain, name), getattr(shuffled, name)
            if (before is None) != (after is None):
                raise BrokenError("aggregate", f"Mix.{name} is there for one order of neighbours alone{moment.words}")
            for i, order in enumerate(SHUFFLED if before is not None else ()):
                moved = before[i, list(order)]
                if not torch.allclose(after[i, : len(order)].double(), moved.double(), rtol=1e-6, atol=1e-5):
                    words = f"Mix.{name} of learner {i} does not follow its neighbours when they are permuted"
                    raise BrokenError("aggregate", words + moment.words)


def moves_with_the_models(rule: Defense) -> None:
    """Where it promises translation: all models moved alike, with their losses as they were, move the result alike."""
    for by in (64.0, torch.arange(D) * 8.0) if "translation" in rule.equivariant else ():
        for (moment, _, plain), (_, _, moved) in zip(mixes(rule), mixes(rule, shift=by), strict=True):
            if apart := difference(moved.models - by, plain.models, rtol=0, atol=1e-4):
                words = f"promises translation, but the result does not move with the models: {apart}{moment.words}"
                raise BrokenError("aggregate", words)


def scales_with_the_models(rule: Defense) -> None:
    """Where it promises scale: all models scaled alike, with their losses as they were, scale the result alike."""
    for by in (2.0**-12, 2.0**12) if "scale" in rule.equivariant else ():
        for (moment, _, plain), (_, _, scaled) in zip(mixes(rule), mixes(rule, factor=by), strict=True):
            if apart := difference(scaled.models / by, plain.models, rtol=0, atol=1e-5):
                words = f"promises scale, but the result does not scale with the models: {apart}{moment.words}"
                raise BrokenError("aggregate", words)


def rejects_what_is_not_finite(rule: Defense) -> None:
    """Unless it says otherwise: no NaN and no infinity spreads, from one coordinate or from all."""
    if not rule.rejects_non_finite:
        return
    for moment in MOMENTS:
        clean = random_inbox(round=moment.rounds)
        state = moment.state(rule, clean)
        _, unspoilt = aggregated(rule, state, clean)
        for value in NON_FINITE:
            for where in (3, ...):
                for neighbour, kind in enumerate(("benign", "Byzantine")):
                    spoil: dict[Place, float] = {(i, neighbour, where): value for i in (0, 1)}
                    after, mix = aggregated(rule, state, random_inbox(spoil=spoil, round=moment.rounds))
                    what = f"{value} {'everywhere' if where is ... else 'in one coordinate'} from a {kind} neighbour"
                    _rejected(mix, after, unspoilt, neighbour, what + moment.words)


def _rejected(mix: Mix, after: Any, clean: Mix, neighbour: int, what: str) -> None:
    if not mix.models.isfinite().all():
        learner = int((~mix.models.isfinite().all(1)).nonzero()[0])
        raise BrokenError("aggregate", f"is not finite at learner {learner} after {what}")
    if any(t.isnan().any() for t in tensors(after)):
        raise BrokenError("aggregate", f"returns a state that holds NaN after {what}")
    for name in ("selected", "weights"):
        decided = getattr(mix, name)
        if decided is not None and decided[:2, neighbour].any():
            raise BrokenError("aggregate", f"Mix.{name} accepts {what}")
    if apart := difference(mix.models[2:], clean.models[2:], numbers=range(2, LEARNERS), rtol=1.3e-6):
        raise BrokenError("aggregate", f"changes at learners that did not receive {what}: {apart}")


def keeps_its_own_model_where_nothing_is_finite(rule: Defense) -> None:
    """Unless it says otherwise: a node that receives nothing finite keeps its own model."""
    if not rule.rejects_non_finite:
        return
    for moment in MOMENTS:
        state = moment.state(rule, random_inbox())
        for value in NON_FINITE:
            spoil: dict[Place, float] = {
                (i, j, j % D): value for i, degree in enumerate(DEGREES) for j in range(degree)
            }
            inbox = random_inbox(spoil=spoil, round=moment.rounds)
            _, mix = aggregated(rule, state, inbox)
            if apart := difference(mix.models, inbox.own, rtol=0, atol=0):
                words = f"changes the own model where all that was received holds {value}: {apart}{moment.words}"
                raise BrokenError("aggregate", words)


def keeps_the_own_model_of_an_isolated_node(rule: Defense) -> None:
    """A node that receives nothing keeps its own model, beside others that do and among nodes without any edge."""
    for degrees in (DEGREES, (0, 0)):
        for moment, inbox, mix in mixes(rule, degrees=degrees):
            for i in [i for i, degree in enumerate(degrees) if degree == 0]:
                if apart := difference(mix.models[[i]], inbox.own[[i]], numbers=[i], rtol=0, atol=0):
                    raise BrokenError("aggregate", f"changes the own model of an isolated node: {apart}{moment.words}")
                if mix.fallback is not None and mix.fallback[i]:
                    raise BrokenError(
                        "aggregate", f"falls back at an isolated node, which has nobody to choose{moment.words}"
                    )


def counts_each_learner_by_itself(rule: Defense) -> None:
    """What one learner receives changes no other learner's result: nodes know nothing of each other's mail."""
    others = [i for i in range(LEARNERS) if i != 1]
    spoil: dict[Place, float] = {(1, j, ...): 50.0 + j for j in range(DEGREES[1])}
    for moment in MOMENTS:
        inbox = random_inbox(round=moment.rounds)
        state = moment.state(rule, inbox)
        _, plain = aggregated(rule, state, inbox)
        _, other = aggregated(rule, state, random_inbox(spoil=spoil, round=moment.rounds))
        if apart := difference(other.models[others], plain.models[others], numbers=others, rtol=1.3e-6):
            raise BrokenError("aggregate", f"mail to learner 1 changes another learner's result: {apart}{moment.words}")


def judges_trials_at_once_as_one_by_one(rule: Defense) -> None:
    """Attacks try several sets of messages at once: each copy of the learners in the inbox gets its own result."""
    spoil: dict[Place, float] = {(i, 1, ...): 2.0 for i in (0, 1)}
    for moment in MOMENTS:
        inboxes = [random_inbox(spoil=mail, round=moment.rounds) for mail in ({}, spoil)]
        state = moment.state(rule, inboxes[0])
        _, together = aggregated(rule, repeated(state, LEARNERS, 2), at_once(inboxes))
        for inbox, found in zip(inboxes, together.parts(2), strict=True):
            _, alone = aggregated(rule, state, inbox)
            if apart := difference(found.models, alone.models, rtol=1.3e-6):
                words = f"the result changes when several trials of messages share an inbox: {apart}{moment.words}"
                raise BrokenError("aggregate", words)


def keeps_a_state_that_survives_a_checkpoint(rule: Defense) -> None:
    """The state is plain containers, numbers and tensors: it goes on from a checkpoint with the same bits."""
    inbox = random_inbox()
    for moment, state in moments(rule, inbox):
        with calling("init"):
            first = rule.begin(LEARNERS, NEIGHBOURS, D)
        again = survives_a_checkpoint(first, state, moment.words)
        if not same_bits(aggregated(rule, again, inbox), aggregated(rule, state, inbox)):
            raise BrokenError("aggregate", f"gives other bits from a state that a checkpoint kept{moment.words}")


def reports_named_columns(rule: Defense) -> None:
    """What it reports is named like no other column, and is a value for each learner or for each neighbour."""
    for moment, state in moments(rule, random_inbox()):
        with calling("report"):
            reported = dict(rule.report(state))
        check_report(reported, ((LEARNERS,), (LEARNERS, NEIGHBOURS)), moment.words)


def tells_facts_as_json(rule: Defense) -> None:
    """What it tells run.json is JSON, on a graph that it does not refuse."""
    conditions = Conditions(KITE, validation=0.2)
    try:
        with calling("check"):
            rule.check(conditions)
    except BrokenError as refused:
        if isinstance(refused.__cause__, ConfigError):
            return
        raise
    check_facts(lambda: rule.facts(conditions))


CONTRACTS: tuple[Contract[Defense], ...] = contracts(
    is_a_frozen_record,
    says_what_it_assumes,
    returns_a_mix,
    keeps_the_shapes_of_its_state,
    mixes_by_its_weights,
    leaves_its_input_untouched,
    leaves_the_state_of_an_epoch_untouched,
    repeats_itself,
    draws_from_streams_of_its_own,
    ignores_the_order_of_neighbours,
    moves_with_the_models,
    scales_with_the_models,
    rejects_what_is_not_finite,
    keeps_its_own_model_where_nothing_is_finite,
    keeps_the_own_model_of_an_isolated_node,
    counts_each_learner_by_itself,
    judges_trials_at_once_as_one_by_one,
    keeps_a_state_that_survives_a_checkpoint,
    reports_named_columns,
    tells_facts_as_json,
)


def check_defense(rule: Defense) -> None:
    """Checks a defense against every contract of defenses.

    - `rule`: an instance. It is checked in its first state and after some rounds and epochs, and held to what its class promises
      (`equivariant`, `rejects_non_finite`, `reference`)

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> from byzdl.defenses import Defense
    >>> from byzdl.exchange import Mix
    >>> class Clip(Defense):
    ...     '''Metropolis mixing in which no neighbour moves a node by more than tau.
    ...
    ...     **Assumes** that tau is above what benign neighbours differ by.
    ...
    ...     **Source:** an example.
    ...     '''
    ...     tau: float = 1.0
    ...     def aggregate(self, state, inbox):
    ...         weights = inbox.metropolis * (self.tau / inbox.distances()).clamp(max=1)
    ...         return state, Mix(inbox.combine(weights), inbox.valid, weights)
    >>> check_defense(Clip())

    A rule that trusts its first neighbour, whoever that is:

    >>> class Trusting(Clip):
    ...     '''**Assumes** luck. **Source:** none.'''
    ...     def aggregate(self, state, inbox):
    ...         weights = inbox.metropolis.clone()
    ...         weights[:, 1:] = 0
    ...         return state, Mix(inbox.combine(weights), inbox.valid, weights)
    >>> check_defense(Trusting())
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: Trusting.aggregate: the result changes when neighbours are permuted: ...
    Trusting.aggregate: is not finite at learner 0 after nan in one coordinate from a benign neighbour
    Trusting.aggregate: changes the own model where all that was received holds nan: learner 0 differs by inf
    """
    check_all(Defense, CONTRACTS, rule)
