"""An inbox from a few models: for examples, tests, and trying out a rule."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from byzdl.config.types import RuleError
from byzdl.exchange.inbox import Inbox, LossOf, Measure, Truth

OnModel = Callable[[int, Tensor], float]
"""f(row, model): the loss or accuracy of a model [d] at the learner in this row."""


def by_hand(
    own: Tensor,
    received: Sequence[Tensor],
    *,
    loss: OnModel | None = None,
    accuracy: OnModel | None = None,
    byzantine: Sequence[Sequence[bool]] | None = None,
    metropolis: Sequence[Sequence[float]] | None = None,
    before: Tensor | None = None,
    seed: int = 0,
    round: int = 0,
    rounds: int = 1,
    classes: int | None = 2,
) -> Inbox:
    """Builds an inbox from the learners' own models and the models that each received.

    - `own` [L, d]: the own models
    - `received`: per learner, the models [k_i, d] of its k_i neighbours
    - `loss`, `accuracy`: functions of a learner's row and a model; without one, a rule cannot ask for it
    - `byzantine`: per learner, a flag for each of these models: its sender is Byzantine; by default none is
    - `metropolis`: per learner, its neighbours' mixing weights; by default 1 / (1 + k_i) each
    - `before` [L, d]: the own models before their local step; by default 0, so a rule that goes by updates takes models
      for updates
    - `seed`, `round`, `rounds`, `classes`: see `Inbox`

    **Raises:** `RuleError` when a rule asks for a loss or an accuracy without the function for it.

    >>> inbox = by_hand(torch.zeros(1, 2), [torch.tensor([[3.0, 4.0], [0.0, 1.0]])])
    >>> inbox.distances()
    tensor([[5., 1.]], dtype=torch.float64)
    """
    degrees = [len(models) for models in received]
    learners, k = len(own), max(degrees, default=0)

    def padded(rows: Sequence[Sequence[float | bool | int]], padding: Sequence[float | bool | int]) -> Tensor:
        listed = [[*row, *[fill] * (k - len(row))] for row, fill in zip(rows, padding, strict=True)]
        return torch.tensor(listed).reshape(learners, k)

    ends = [learners + sum(degrees[: i + 1]) for i in range(learners)]
    rows = [range(end - degree, end) for end, degree in zip(ends, degrees, strict=True)]
    flags = padded(byzantine or [[False] * degree for degree in degrees], [False] * learners).bool()
    weights = padded(metropolis or [[1 / (1 + degree)] * degree for degree in degrees], [0.0] * learners)
    return Inbox(
        models=torch.cat([own, *received]),
        rows=padded(rows, range(learners)).long(),
        present=padded([[True] * degree for degree in degrees], [False] * learners).bool(),
        metropolis=weights.to(own.dtype),
        truth=Truth(flags.to(own.device), flags.sum(1).to(own.device)),
        loss_of=_oracle(loss, accuracy),
        nodes=tuple(range(learners)),
        before=torch.zeros_like(own) if before is None else before,
        seed=seed,
        round=round,
        rounds=rounds,
        classes=classes,
    )


def _oracle(loss: OnModel | None, accuracy: OnModel | None) -> LossOf:
    """Returns a function that evaluates the wanted models, and no others."""
    functions: dict[str, OnModel | None] = {"loss": loss, "accuracy": accuracy}

    def loss_of(models: Tensor, rows: Tensor, wanted: Tensor, fresh: bool, measure: Measure = "loss") -> Tensor:
        function = functions[measure]
        if function is None:
            raise RuleError(f"by_hand has no {measure}, but the rule asks for it; add {measure}=f with f(row, model)")
        found = torch.full(rows.shape, torch.nan, dtype=torch.float64)
        for i, column in wanted.nonzero().tolist():
            found[i, column] = float(function(i, models[rows[i, column]]))
        return found

    return loss_of
