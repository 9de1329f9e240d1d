"""What every pre-step keeps to."""

import torch

from byzdl.config.types import ConfigError
from byzdl.exchange import Conditions, Inbox
from byzdl.preaggregation import Blend, Preaggregation, blended
from byzdl.testing.cases import DEGREES, LEARNERS, NEIGHBOURS, SHUFFLED, Place, at_once, random_inbox
from byzdl.testing.compare import copied, difference, leaves_global_random_state, same_bits
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record
from byzdl.testing.defense import KITE, NON_FINITE
from byzdl.testing.reporting import check_facts


def blend_of(step: Preaggregation, inbox: Inbox) -> Blend | None:
    """How the step blends an inbox, of the right shapes; None for not at all."""
    with calling("blend"):
        blend = step.blend(inbox)
    if blend is None:
        return None
    if not isinstance(blend, Blend):
        raise BrokenError("blend", f"returns a {type(blend).__name__}, but must return a Blend or None")
    learners, k = inbox.rows.shape
    shares, metropolis = blend
    q = metropolis.shape[-1]
    if metropolis.shape != (learners, q):
        raise BrokenError(
            "blend", f"Blend.metropolis is {list(metropolis.shape)}, but must be [L, q] = [{learners}, q]"
        )
    if shares.shape != (learners, 1 + q, 1 + k):
        must = f"[L, 1 + q, 1 + k] = [{learners}, {1 + q}, {1 + k}], where metropolis is [{learners}, {q}]"
        raise BrokenError("blend", f"Blend.shares is {list(shares.shape)}, but must be {must}")
    for name, values in blend._asdict().items():
        if not values.dtype.is_floating_point:
            raise BrokenError("blend", f"Blend.{name} is of {values.dtype}, but must be of torch.float32")
    return blend


def blends_into_shares(step: Preaggregation) -> None:
    """Blends into shares of the pool: none is negative, each row adds up to 1 or is empty, and none is of an absent neighbour."""
    inbox = random_inbox()
    blend = blend_of(step, inbox)
    if blend is None:
        return
    shares, metropolis = blend
    sums = shares.sum(2)
    if (shares < 0).any() or (metropolis < 0).any():
        least = min(float(shares.min()), float(metropolis.min()))
        raise BrokenError("blend", f"holds {least:.2g}, but shares and weights must be at least 0")
    if ((sums - 1).abs() > 1e-5).logical_and(sums != 0).any():
        odd = sums[((sums - 1).abs() > 1e-5) & (sums != 0)][0]
        raise BrokenError(
            "blend", f"shares of a row add up to {odd:.3g}, but must add up to 1 (or to 0 where no model is)"
        )
    if (shares[:, :, 1:] * ~inbox.present[:, None]).any():
        raise BrokenError("blend", "gives a share to a neighbour whose message did not arrive")
    if (metropolis.sum(1) > 1 + 1e-6).any():
        raise BrokenError("blend", f"mixing weights add up to {metropolis.sum(1).max():.3g}, but must to at most 1")


def puts_the_own_model_first(step: Preaggregation) -> None:
    """The first row of each learner's shares is its own model's, and an isolated node keeps its own model."""
    inbox = random_inbox()
    blend = blend_of(step, inbox)
    if blend is None:
        return
    for i in range(LEARNERS):
        if not blend.shares[i, 0, 0] > 0:
            raise BrokenError(
                "blend", f"the first row of learner {i} has no share of its own model, which must come first"
            )
    seen = blended(inbox, blend)
    alone = [i for i, degree in enumerate(DEGREES) if degree == 0]
    if apart := difference(seen.own[alone], inbox.own[alone], numbers=alone, rtol=1e-6):
        raise BrokenError("blend", f"changes the own model of an isolated node: {apart}")
    if seen.present[alone].any():
        raise BrokenError("blend", "shows models to a node that received none")


def shows_as_many_as_it_says(step: Preaggregation) -> None:
    """A node with k neighbours sees `seen(k)` models, in columns that are those of its neighbours unless it regroups."""
    inbox = random_inbox()
    blend = blend_of(step, inbox)
    present = inbox.present if blend is None else blended(inbox, blend).present
    for degree, found in zip(DEGREES, present.sum(1).tolist(), strict=True):
        with calling("seen"):
            told = step.seen(degree)
        if told != found:
            raise BrokenError("seen", f"is {told} for {degree} neighbours, but must be {found}, as blend makes as many")
    if blend is None or step.regroups:
        return
    q = blend.metropolis.shape[1]
    if q != NEIGHBOURS:
        raise BrokenError(
            "blend", f"makes {q} columns of {NEIGHBOURS}, but must keep them, or say that it regroups them"
        )
    own = blend.shares[:, 1:, 1:].diagonal(dim1=1, dim2=2) > 0
    if (own != inbox.present).any():
        raise BrokenError(
            "blend", "mixes a neighbour's column of other models alone, but must say that it regroups columns"
        )


def never_spreads_what_is_not_finite(step: Preaggregation) -> None:
    """A model with NaN or infinity is in no mean: it is left out, or stays alone as it is."""
    for value in NON_FINITE:
        for where in (3, ...):
            spoil: dict[Place, float] = {(i, 1, where): value for i in (0, 1)}
            inbox = random_inbox(spoil=spoil)
            blend = blend_of(step, inbox)
            if blend is None:
                return
            bad = torch.zeros(blend.shares.shape[2], dtype=torch.bool)
            bad[2] = True  # behind the own model, the second neighbour
            mixed = (blend.shares[:2, :, bad] != 0).any(2) & (blend.shares[:2, :, ~bad] != 0).any(2)
            if mixed.any() or not blended(inbox, blend).own.isfinite().all():
                raise BrokenError("blend", f"mixes a model that holds {value} with others")


def leaves_its_input_untouched(step: Preaggregation) -> None:
    """Changes the inbox nowhere in place."""
    inbox = random_inbox()
    received = copied(inbox)
    blend_of(step, inbox)
    if not same_bits(inbox, received):
        raise BrokenError("blend", "changes the inbox in place")


def repeats_itself(step: Preaggregation) -> None:
    """Gives the same bits twice."""
    if not same_bits(blend_of(step, random_inbox()), blend_of(step, random_inbox())):
        raise BrokenError("blend", "gives other bits for the same input")


def draws_from_streams_of_its_own(step: Preaggregation) -> None:
    """Leaves the global random state of torch, numpy and Python alone."""
    inbox = random_inbox()
    with leaves_global_random_state("blend"):
        blend_of(step, inbox)


def follows_the_order_of_neighbours(step: Preaggregation) -> None:
    """Unless it regroups them: neighbours in another order are blended alike."""
    plain, other = blend_of(step, random_inbox()), blend_of(step, random_inbox(orders=SHUFFLED))
    if plain is None or other is None or step.regroups:
        return
    for i, order in enumerate(SHUFFLED):
        rows = torch.tensor([0, *(1 + j for j in order)])
        moved, found = plain.shares[i][rows][:, rows], other.shares[i, : len(rows), : len(rows)]
        if apart := difference(found, moved, "row", rtol=1e-6):
            raise BrokenError("blend", f"shares of learner {i} change when neighbours are permuted: {apart}")


def counts_each_learner_by_itself(step: Preaggregation) -> None:
    """What one learner receives changes nothing for another one."""
    spoil: dict[Place, float] = {(1, j, ...): 50.0 + j for j in range(DEGREES[1])}
    plain, other = blend_of(step, random_inbox()), blend_of(step, random_inbox(spoil=spoil))
    others = [i for i in range(LEARNERS) if i != 1]
    if plain is None or other is None:
        return
    if apart := difference(other.shares[others].flatten(1), plain.shares[others].flatten(1), numbers=others):
        raise BrokenError("blend", f"mail to learner 1 changes another learner's shares: {apart}")


def blends_trials_at_once_as_one_by_one(step: Preaggregation) -> None:
    """Attacks try several sets of messages at once: each copy of the learners in the inbox gets its own blend."""
    inboxes = [random_inbox(), random_inbox(spoil={(i, 1, ...): 2.0 for i in (0, 1)})]
    together = blend_of(step, at_once(inboxes))
    if together is None:
        return
    for inbox, found in zip(inboxes, together.shares.chunk(2), strict=True):
        alone = blend_of(step, inbox)
        if alone is not None and (apart := difference(found, alone.shares, rtol=1e-6)):
            raise BrokenError("blend", f"shares change when several trials of messages share an inbox: {apart}")


def tells_facts_as_json(step: Preaggregation) -> None:
    """What it tells run.json is JSON, on a graph that it does not refuse."""
    conditions = Conditions(KITE, validation=0.2, seen=step.seen)
    try:
        with calling("check"):
            step.check(conditions)
    except BrokenError as refused:
        if isinstance(refused.__cause__, ConfigError):
            return
        raise
    check_facts(lambda: step.facts(conditions))


CONTRACTS: tuple[Contract[Preaggregation], ...] = contracts(
    is_a_frozen_record,
    blends_into_shares,
    puts_the_own_model_first,
    shows_as_many_as_it_says,
    never_spreads_what_is_not_finite,
    leaves_its_input_untouched,
    repeats_itself,
    draws_from_streams_of_its_own,
    follows_the_order_of_neighbours,
    counts_each_learner_by_itself,
    blends_trials_at_once_as_one_by_one,
    tells_facts_as_json,
)


def check_preaggregation(step: Preaggregation) -> None:
    """Checks a pre-step against every contract of pre-steps.

    - `step`: an instance, held to what its class says (`regroups`)

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> from byzdl.preaggregation.nnm import Nnm
    >>> check_preaggregation(Nnm())
    >>> class Doubled(Preaggregation):
    ...     def blend(self, inbox):
    ...         learners, k = inbox.rows.shape
    ...         return Blend(2 * torch.eye(1 + k).expand(learners, -1, -1) * inbox.members[:, None], inbox.metropolis)
    >>> check_preaggregation(Doubled())
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: Doubled.blend: shares of a row add up to 2, but must add up to 1 (...)
    Doubled.blend: changes the own model of an isolated node: learner 3 differs by 2.7
    """
    check_all(Preaggregation, CONTRACTS, step)
