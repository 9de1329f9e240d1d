"""The inboxes that contracts are checked on, and the moments of a run in which they are."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cache
from itertools import accumulate
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor

from byzdl.defenses import Defense
from byzdl.exchange import Inbox, Measure, Truth, by_hand
from byzdl.testing.contract import calling

D = 7
# How many neighbours each learner has: many, some, one, none.
DEGREES = (8, 5, 1, 0)
LEARNERS, NEIGHBOURS = len(DEGREES), max(DEGREES)
# Another order of these neighbours, for each learner.
SHUFFLED = ((5, 2, 7, 0, 3, 6, 1, 4), (4, 2, 0, 3, 1), (0,), ())

Place = tuple[int, int, int | EllipsisType]
"""(learner, neighbour, coordinate or `...` for all)."""


def random_models(rows: int, d: int, seed: int = 0, spread: float = 1.0) -> Tensor:
    """Random models [rows, d], with this standard deviation in each coordinate.

    >>> random_models(2, 3).shape
    torch.Size([2, 3])
    """
    return torch.randn(rows, d, generator=torch.Generator().manual_seed(seed)) * spread


def random_inbox(
    degrees: Sequence[int] = DEGREES,
    *,
    orders: Sequence[Sequence[int]] | None = None,
    spoil: Mapping[Place, float] | None = None,
    factor: float = 1.0,
    shift: Tensor | float = 0.0,
    round: int = 0,
) -> Inbox:
    """Learners with random models and random mail. A model's loss grows with its distance from a target of the learner's own.

    A learner with several neighbours has one Byzantine neighbour, the second.

    - `degrees`: each learner's number of neighbours
    - `orders`: each learner's neighbours in another order
    - `spoil`: other values of the received models, by place
    - `factor`, `shift`: each model x becomes factor x + shift, and keeps the loss of x
    - `round`: rounds done, of 10

    >>> inbox = random_inbox(degrees=(2, 1))
    >>> inbox.own.shape, inbox.present.tolist(), inbox.truth.byzantine.tolist()
    (torch.Size([2, 7]), [[True, True], [True, False]], [[False, True], [False, False]])
    """
    learners, k = len(degrees), max(degrees)
    own = random_models(learners, D, seed=1)
    before = own + random_models(learners, D, seed=4, spread=0.5)
    mail = random_models(learners * k, D, seed=2).reshape(learners, k, D)
    for (i, j, where), value in (spoil or {}).items():
        mail[i, j, where] = value
    targets = random_models(learners, D, seed=3, spread=0.5).double() * factor + shift

    def loss(learner: int, model: Tensor) -> float:
        return float(((model.double() - targets[learner]) / factor).square().mean())

    orders = orders or [range(degree) for degree in degrees]
    return by_hand(
        own * factor + shift,
        [mail[i, list(order)] * factor + shift for i, order in enumerate(orders)],
        loss=loss,
        # A worse loss goes with a worse accuracy.
        accuracy=lambda learner, model: float(torch.tensor(-loss(learner, model)).exp()),
        byzantine=[[j == 1 for j in order] for order in orders],
        metropolis=[[1 / (2 + k + j) for j in order] for order in orders],
        before=before * factor + shift,
        round=round,
        rounds=10,
    )


def at_once(inboxes: Sequence[Inbox]) -> Inbox:
    """The inbox of several trials at once, with a copy of the learners for each.

    - `inboxes`: the trials, with the same own models and other received ones

    >>> both = at_once([random_inbox(degrees=(2, 1)), random_inbox(degrees=(2, 1))])
    >>> both.rows
    tensor([[2, 3],
            [4, 1],
            [5, 6],
            [7, 1]])
    """
    first, learners = inboxes[0], len(inboxes[0].rows)
    received = [inbox.models[learners:] for inbox in inboxes]
    starts = accumulate((len(models) for models in received), initial=0)
    rows = [
        torch.where(inbox.rows < learners, inbox.rows, inbox.rows + start)
        for inbox, start in zip(inboxes, starts, strict=False)
    ]

    def loss_of(models: Tensor, rows: Tensor, wanted: Tensor, fresh: bool, measure: Measure = "loss") -> Tensor:
        parts = zip(rows.chunk(len(inboxes)), wanted.chunk(len(inboxes)), strict=True)
        return torch.cat([first.loss_of(models, part, asked, fresh, measure) for part, asked in parts])

    return replace(
        first,
        models=torch.cat([first.own, *received]),
        rows=torch.cat(rows),
        present=torch.cat([inbox.present for inbox in inboxes]),
        metropolis=torch.cat([inbox.metropolis for inbox in inboxes]),
        truth=Truth(*(torch.cat(part) for part in zip(*(astuple(inbox.truth) for inbox in inboxes), strict=True))),
        loss_of=loss_of,
        nodes=first.nodes * len(inboxes),
        copies=len(inboxes),
    )


@dataclass(frozen=True)
class Moment:
    """A moment of a run: the rounds done, and the local epochs that end with the last one.

    - `words`: what is put behind a finding
    """

    rounds: int
    epochs: int
    words: str

    def state(self, rule: Defense, inbox: Inbox) -> Any:
        """The rule's state in this moment, of a run in which each round's inbox was this one.

        No epoch improves anything, so that a rule that watches for overfitting has detected it.
        """
        learners, neighbours = inbox.rows.shape
        with calling("init"):
            state = rule.begin(learners, neighbours, D)
        for done in range(self.rounds):
            with calling("aggregate"):
                state, _ = rule.aggregate(state, replace(inbox, round=done))
        for _ in range(self.epochs):
            with calling("end_epoch"):
                state = rule.end_epoch(state, torch.ones(learners, dtype=torch.bool), _halves(learners))
        return state


# Thirty epochs are more than the patience of any rule.
MOMENTS = (Moment(0, 0, ""), Moment(3, 30, " (after 3 rounds and 30 epochs)"))


@cache
def _halves(learners: int) -> Any:
    """Half of everything, as every learner's own scores."""
    half = torch.full((learners,), 0.5, dtype=torch.float64)
    return lambda data, metric: half.clone()
