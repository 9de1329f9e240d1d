"""The round loop: one round reads as section III of the paper.

`simulate` yields the state of the network after every round; it opens no file and touches no global random state.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from byzdl.attacks import AttackView, Knowledge, Messages, Rehearsal
from byzdl.exchange import Inbox, Measure, Mix, Roster, Wire
from byzdl.preaggregation import blended, unblend
from byzdl.simulation import answers
from byzdl.simulation.evaluation import Scores, evaluate
from byzdl.simulation.experiment import Experiment, State
from byzdl.simulation.flat_model import Batch
from byzdl.simulation.metrics import Evaluation, Tally


def simulate(experiment: Experiment, state: State) -> Iterator[tuple[State, Evaluation | None]]:
    """Every round's state from the given one on, with an evaluation where one is due.

    An evaluation is due before the first round, every `eval_every` rounds and after the last.
    """
    if state.round == 0:
        yield state, evaluate(experiment, state, Scores(experiment, state.models))
    while state.round < experiment.rounds:
        state, scores = one_round(experiment, state)
        if state.round % experiment.eval_every and state.round != experiment.rounds:
            yield state, None
            continue
        evaluation = evaluate(experiment, state, scores)
        state = state._replace(tally=Tally())
        yield state, evaluation


def one_round(experiment: Experiment, state: State) -> tuple[State, Scores]:
    """Local update, attack, exchange, defense; then what is due at the end of an epoch."""
    roster = experiment.links.roster(state.round)
    wire = local_update(experiment, state)  # eq. 2
    attack, messages = send(experiment, state, wire)  # eq. 8-10
    inbox = exchange(experiment, state.round, roster, wire, messages)
    defense, mix = aggregate(experiment, state.defense, inbox)  # eq. 3-7
    scores = Scores(experiment, mix.models)
    defense = end_epochs(experiment, state.round + 1, defense, scores)
    tally = state.tally.add(mix, roster)
    return State(state.round + 1, mix.models, state.momenta, attack, defense, tally), scores


def local_update(experiment: Experiment, state: State) -> Wire:
    """Eq. 2: m_i <- beta m_i + g_i, in place, and x_i^{t+1/2} = x_i^t - lr m_i.

    With more local steps the same again, each at the model that the last one led to.
    """
    optimizer, models, momenta = experiment.optimizer, state.models, state.momenta
    for step in range(experiment.local_steps):
        momenta.mul_(optimizer.momentum)
        if optimizer.weight_decay > 0:
            momenta.add_(models, alpha=optimizer.weight_decay)
        experiment.model.add_gradients(models, momenta, partial(experiment.batch, round=state.round, step=step))
        if step == 0:
            wire = Wire(momenta)
        lr = optimizer.step(state.round, experiment.rounds)
        models = torch.sub(models, momenta, alpha=lr, out=wire.own)
    return wire


def send(experiment: Experiment, state: State, wire: Wire) -> tuple[Any, Messages]:
    """What Byzantine nodes send: what their attack makes, or where it rests their own x^{t+1/2}."""
    view = attack_view(experiment, state, wire)
    if experiment.attack.acts(state.round):
        return answers.sent(experiment.attack, state.attack, view)
    return state.attack, Messages.by_attacker(view.own, view)


def attack_view(experiment: Experiment, state: State, wire: Wire) -> AttackView:
    """What there is to know for an attacker, from x^t and x^{t+1/2}."""
    return AttackView(
        network=experiment.links.network(state.round),
        roster=experiment.links.roster(state.round),
        before=state.models,
        after=wire.own,
        nodes=experiment.network.benign,
        benign_rows=experiment.benign,
        byzantine_rows=experiment.byzantine,
        rehearsal=rehearsal(experiment, state, wire),
        seed=experiment.batches.seed,
        round=state.round,
    )


def rehearsal(experiment: Experiment, state: State, wire: Wire) -> Rehearsal:
    """Exchange and defense as they would be; all that is written to is the room for a message."""

    def rehearse(roster: Roster, messages: Messages, knowledge: Knowledge) -> Mix:
        batch = experiment.batch if knowledge == "batch" else experiment.estimate
        return aggregate(experiment, state.defense, exchange(experiment, state.round, roster, wire, messages, batch))[1]

    return rehearse


def exchange(
    experiment: Experiment,
    round: int,
    roster: Roster,
    wire: Wire,
    messages: Messages,
    batch: Callable[..., Batch] | None = None,
) -> Inbox:
    """Put every distinct Byzantine model behind the learners' own.

    - `batch`: the mini-batches that losses are on, `experiment.batch` by default
    """
    batch = batch or experiment.batch
    rows = roster.rows.masked_scatter(roster.byzantine, len(wire.own) + messages.index)

    def loss_of(models: Tensor, rows: Tensor, wanted: Tensor, fresh: bool, measure: Measure = "loss") -> Tensor:
        feed = partial(batch, round=round, fresh=fresh)
        return experiment.model.losses(models, rows, wanted, feed, measure)

    return Inbox.of(
        wire.with_messages(messages.models),
        rows,
        roster,
        loss_of,
        experiment.learners,
        seed=experiment.batches.seed,
        round=round,
        rounds=experiment.rounds,
        classes=experiment.data.classes,
    )


def aggregate(experiment: Experiment, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
    """The pre-step, if there is one, and the defense."""
    blend = experiment.pre.blend(inbox)
    if blend is None:
        return answers.aggregated(experiment.defense, state, inbox)
    state, mix = answers.aggregated(experiment.defense, state, blended(inbox, blend))
    return state, unblend(mix, blend)


def end_epochs(experiment: Experiment, rounds: int, state: Any, scores: Scores) -> Any:
    """Tell the defense whose local epochs ended with this round, if any; one epoch or several, it is told once."""
    epochs, learners = experiment.epochs, experiment.learners
    due = [i for i, node in enumerate(learners) if epochs(node, rounds) > epochs(node, rounds - 1)]
    if not due:
        return state
    count, device = len(experiment.learners), experiment.device
    places = torch.tensor(due, device=device)
    ended = torch.zeros(count, dtype=torch.bool, device=device).index_fill_(0, places, True)

    def own_scores(of: str, metric: str) -> Tensor:
        values = torch.full((count,), torch.nan, dtype=torch.float64, device=device)
        return values.index_copy_(0, places, getattr(scores.of(due, of), metric))

    return experiment.defense.end_epoch(state, ended, own_scores)
