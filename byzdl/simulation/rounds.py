"""The round loop. One round is section III of the paper.

X^t [L, d] is the matrix of the learners' models, x_i^t its row for node i. A round takes X^t to X^{t+1} in four steps:

1. local update, eq. 2: every learner takes a step of SGD on its own data, x_i^t -> x_i^{t+1/2}.
2. attack, eq. 8-10 (the paper's attacks): every Byzantine node makes a message for each of its neighbours.
3. exchange: every learner receives a model from each neighbour, x_j^{t+1/2} or a message.
4. defense, eq. 3-7 (the paper's rules): every learner mixes received models into its own, x_i^{t+1/2} -> x_i^{t+1}.

`simulate` yields the state after every round. Nothing here opens a file or touches global random state.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from byzdl.attacks import AttackView, Knowledge, Messages, Rehearsal
from byzdl.defenses.copies import repeated
from byzdl.exchange import Inbox, Mix, Roster, Wire
from byzdl.preaggregation import blended, unblend
from byzdl.simulation import answers
from byzdl.simulation.evaluation import Scores, evaluate
from byzdl.simulation.experiment import Experiment, State
from byzdl.simulation.metrics import Evaluation, Tally
from byzdl.simulation.screening import screening

MOST_REHEARSED = 2**24  # the most values in the next models of rehearsals at once


def simulate(experiment: Experiment, state: State) -> Iterator[tuple[State, Evaluation | None]]:
    """Yields the state after every round from the given one on, with an evaluation if one is due, else None.

    An evaluation is due before the first round, every `eval_every` rounds, and after the last round. If the given state
    is that before the first round, it is yielded first. A round updates momenta in place, and nothing else of a state.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.config.compose import compose
    >>> from byzdl.simulation import parse
    >>> from byzdl.simulation.build import build
    >>> with TemporaryDirectory() as cache:
    ...     overrides = ["dataset=synthetic", f"dataset.cache={cache}", "topology.n=4", "rounds=3", "eval_every=2"]
    ...     experiment = build(parse(compose(*overrides)))
    >>> rounds = list(simulate(experiment, experiment.initial()))
    >>> [(state.round, evaluation is not None) for state, evaluation in rounds]
    [(0, True), (1, False), (2, True), (3, True)]
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
    """Takes X^t to X^{t+1}: local update, attack, exchange, defense.

    Afterwards, it tells the defense about completed epochs, and counts accepted messages. Returns the next state, and the
    scores of its models.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.config.compose import compose
    >>> from byzdl.simulation import parse
    >>> from byzdl.simulation.build import build
    >>> with TemporaryDirectory() as cache:
    ...     overrides = ["dataset=synthetic", f"dataset.cache={cache}", "topology=complete", "topology.n=2"]
    ...     experiment = build(parse(compose(*overrides, "attack=none", "attack.br=0", "defense=mean")))
    >>> state, scores = one_round(experiment, experiment.initial())
    >>> torch.allclose(state.models[0], state.models[1])  # both are the mean of two models
    True
    """
    roster = experiment.links.roster(state.round)
    wire = local_update(experiment, state)  # eq. 2: x^{t+1/2}
    attack, messages = send(experiment, state, wire)  # eq. 8-10
    inbox = exchange(experiment, state.round, roster, wire, messages)
    defense, mix = aggregate(experiment, state.defense, inbox)  # eq. 3-7: x^{t+1}
    scores = Scores(experiment, mix.models)
    defense = end_epochs(experiment, state.round + 1, defense, scores)
    tally = state.tally.add(mix, roster, experiment.defense.listens)
    return State(state.round + 1, mix.models, state.momenta, attack, defense, tally), scores


def local_update(experiment: Experiment, state: State) -> Wire:
    """Local update, eq. 2: m_i <- beta m_i + g_i, in place, and x_i^{t+1/2} = x_i^t - lr m_i.

    Here g_i is the gradient on the mini-batch xi_i. Each further local step starts from the model of the step before.
    Returns the models x^{t+1/2}, on a wire with room for a message.
    """
    optimizer, models, momenta = experiment.optimizer, state.models, state.momenta
    for step in range(experiment.local_steps):
        momenta.mul_(optimizer.momentum)
        if optimizer.weight_decay > 0:
            momenta.add_(models, alpha=optimizer.weight_decay)
        experiment.model.add_gradients(models, momenta, partial(experiment.batch, round=state.round, step=step))
        if step == 0:
            wire = Wire(momenta, state.models)
        lr = optimizer.step(state.round, experiment.rounds)
        models = torch.sub(models, momenta, alpha=lr, out=wire.own)
    return wire


def send(experiment: Experiment, state: State, wire: Wire) -> tuple[Any, Messages]:
    """Attack, eq. 8-10: returns its new state, and the messages of the Byzantine nodes.

    In a round without attack, Byzantine nodes send their own x^{t+1/2}, and the state stays.
    """
    view = attack_view(experiment, state, wire)
    if experiment.attack.acts(state.round):
        return answers.sent(experiment.attack, state.attack, view)
    return state.attack, Messages.by_attacker(view.own, view)


def attack_view(experiment: Experiment, state: State, wire: Wire) -> AttackView:
    """Collects everything that attackers may know, from x^t and x^{t+1/2}."""
    return AttackView(
        network=experiment.links.network(state.round),
        roster=experiment.links.roster(state.round),
        before=state.models,
        after=wire.own,
        nodes=experiment.network.benign,
        benign_rows=experiment.benign,
        byzantine_rows=experiment.byzantine,
        rehearsal=rehearsal(experiment, state, wire),
        initialise=experiment.fresh,
        seed=experiment.batches.seed,
        round=state.round,
    )


def rehearsal(experiment: Experiment, state: State, wire: Wire) -> Rehearsal:
    """Returns a function that tries out exchange and defense on sets of messages, for attacks that search.

    It tries many sets at once, in one inbox with a copy of the learners for each. It changes nothing but the room for a
    message on the wire.
    """
    at_once = max(1, MOST_REHEARSED // wire.own.numel())

    def rehearse(roster: Roster, trials: Sequence[Messages], knowledge: Knowledge) -> Iterator[Mix]:
        wire.remembers = True
        for start in range(0, len(trials), at_once):
            part = trials[start : start + at_once]
            learners, messages = roster.times(len(part)), Messages.joined(part)
            inbox = exchange(experiment, state.round, learners, wire, messages, knowledge)
            copied = repeated(state.defense, len(wire.own), len(part))
            yield from aggregate(experiment, copied, inbox)[1].parts(len(part))

    return rehearse


def exchange(
    experiment: Experiment,
    round: int,
    roster: Roster,
    wire: Wire,
    messages: Messages,
    knowledge: Knowledge = "batch",
) -> Inbox:
    """Exchange: returns the inbox with the own model x_i^{t+1/2} of every learner, and the models that it received.

    - `messages`: from the Byzantine nodes; each distinct model is on the wire once, behind the learners' own models
    - `knowledge`: the data for losses, `data` only in rehearsals
    """
    rows = roster.rows.masked_scatter(roster.byzantine, len(wire.own) + messages.index)
    models = wire.with_messages(messages.models)
    return Inbox.of(
        models,
        rows,
        roster,
        screening(experiment, round, wire, models, knowledge, roster.copies),
        experiment.learners,
        wire.before,
        seed=experiment.batches.seed,
        round=round,
        rounds=experiment.rounds,
        classes=experiment.data.classes,
    )


def aggregate(experiment: Experiment, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
    """Defense, eq. 3-7, behind the pre-step if there is one: returns its new state, and the mix with x_i^{t+1}.

    With a pre-step, the defense sees blended models. Its decisions are then translated to the models that were received.
    """
    blend = experiment.pre.blend(inbox)
    if blend is None:
        return answers.aggregated(experiment.defense, state, inbox)
    state, mix = answers.aggregated(experiment.defense, state, blended(inbox, blend))
    return state, unblend(mix, blend)


def end_epochs(experiment: Experiment, rounds: int, state: Any, scores: Scores) -> Any:
    """Tells the defense which learners completed a local epoch in this round. Returns its new state.

    The defense is called once if any learner did, even if some completed several epochs. It can ask for the scores of
    these learners' models.

    - `rounds`: rounds done, this one included
    - `scores`: of the models x^{t+1}
    """
    epochs, learners = experiment.epochs, experiment.learners
    completed = [i for i, node in enumerate(learners) if epochs(node, rounds) > epochs(node, rounds - 1)]
    if not completed:
        return state
    count, device = len(experiment.learners), experiment.device
    rows = torch.tensor(completed, device=device)
    ended = torch.zeros(count, dtype=torch.bool, device=device).index_fill_(0, rows, True)

    def own_scores(data: str, metric: str) -> Tensor:
        values = torch.full((count,), torch.nan, dtype=torch.float64, device=device)
        return values.index_copy_(0, rows, getattr(scores.of(completed, data), metric))

    return experiment.defense.end_epoch(state, ended, own_scores)
