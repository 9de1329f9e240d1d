"""The losses of received models, on the mini-batches of a round."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from byzdl.attacks import Knowledge
from byzdl.exchange import LossOf, Measure, Wire
from byzdl.simulation.experiment import Experiment

Losses = Callable[[Tensor], Tensor]
"""Returns the losses [L, p] of the wanted ones among p models a learner, by a mask [L, p]."""


def screening(
    experiment: Experiment, round: int, wire: Wire, sent: Tensor, knowledge: Knowledge, copies: int
) -> LossOf:
    """Returns the function behind an inbox: it evaluates models on the learners' mini-batches.

    Rehearsals of a defense ask for losses of the own models x^{t+1/2}, which no message changes, again and again. If the
    wire remembers, each of these is evaluated once, for all rehearsals and for the round itself.

    - `sent` [m, d]: the models on the wire, the learners' own first
    - `knowledge`: `batch` for the learners' mini-batches, `data` for the attackers' estimates of these
    - `copies`: the copies of the learners in the inbox
    """
    batch = experiment.batch if knowledge == "batch" else experiment.estimate

    def loss_of(models: Tensor, rows: Tensor, wanted: Tensor, fresh: bool, measure: Measure = "loss") -> Tensor:
        rows, wanted = _beside(rows, copies), _beside(wanted, copies)
        feed = partial(batch, round=round, fresh=fresh)

        def losses(wanted: Tensor) -> Tensor:
            return experiment.model.losses(models, rows, wanted, feed, measure)

        # The blends of a pre-step are other models than those on the wire.
        if wire.remembers and models is sent:
            return _below(_recalled(wire, (knowledge, fresh, measure), rows, wanted, losses), copies)
        return _below(losses(wanted), copies)

    return loss_of


def _recalled(wire: Wire, what: tuple[str | bool, ...], rows: Tensor, wanted: Tensor, losses: Losses) -> Tensor:
    """Returns the wanted losses [L, p], and evaluates those that the wire does not know."""
    learners = len(rows)
    if what not in wire.known:
        # Of each learner and own model, NaN if unknown. The last column takes what is not to be kept.
        wire.known[what] = torch.full((learners, learners + 1), torch.nan, device=rows.device)
    known, own = wire.known[what], rows < learners
    recalled = known.gather(1, rows.clamp(max=learners)).masked_fill(~own, torch.nan)
    missing = wanted & recalled.isnan()
    found = torch.where(missing, losses(missing), recalled)
    known.scatter_(1, rows.masked_fill(~(missing & own), learners), found)
    return found


def _beside(values: Tensor, copies: int) -> Tensor:
    """Moves the copies of the learners from below each other, [T L, p], to beside each other, [L, T p]."""
    return values if copies == 1 else values.view(copies, -1, values.shape[1]).transpose(0, 1).flatten(1)


def _below(values: Tensor, copies: int) -> Tensor:
    """Moves the copies of the learners back."""
    return values if copies == 1 else values.view(len(values), copies, -1).transpose(0, 1).flatten(0, 1)
