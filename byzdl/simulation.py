"""The round loop: one round reads as section III of the paper.

The state of the network is one matrix X [n, d], row i the model of node i. `simulate`
yields it after every round; it opens no file and touches no global random state.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from byzdl.attacks import Attack, AttackView, Messages
from byzdl.data import Data, divide
from byzdl.data.batches import Batches
from byzdl.defenses import Defense
from byzdl.exchange import Inbox, Roster
from byzdl.metrics import Evaluation, Tally, consensus_distance
from byzdl.models import FlatModel, initialised
from byzdl.settings import Optimizer, Settings
from byzdl.topology import Network

EVALUATION_BATCH = 256

Batch = tuple[Tensor, Tensor]  # images [b, channels, height, width] and labels [b]


class State(NamedTuple):
    """All that one round hands to the next.

    - `round`: rounds done
    - `models`: X [n, d]; rows of Byzantine nodes that do not follow the protocol stay as they began
    - `momenta`: [n, d]
    - `attack`, `defense`: theirs to define
    - `tally`: what was counted since the last evaluation
    """

    round: int
    models: Tensor
    momenta: Tensor
    attack: Any
    defense: Any
    tally: Tally


@dataclass(frozen=True)
class Experiment:
    """All that a simulation reads and never changes."""

    rounds: int
    eval_every: int
    optimizer: Optimizer
    attack: Attack
    defense: Defense
    network: Network
    data: Data
    batches: Batches
    model: FlatModel
    device: torch.device

    @classmethod
    def build(cls, settings: Settings, network: Network, data: Data) -> "Experiment":
        """Split the data and initialise the model, both from the seed.

        **Raises:** `ConfigError` if a node's data cannot fill a batch.
        """
        device = torch.device(settings.device)
        labels, n = data.train.labels, network.n
        holdings = divide(settings.partition, labels, n, settings.batch_size, settings.seed)
        return cls(
            rounds=settings.rounds,
            eval_every=settings.eval_every,
            optimizer=settings.optimizer,
            attack=settings.attack,
            defense=settings.defense,
            network=network,
            data=data,
            batches=Batches(holdings, settings.batch_size, settings.seed),
            model=FlatModel(initialised(settings.model, data.shape, data.classes, settings.seed), device),
            device=device,
        )

    @cached_property
    def learners(self) -> tuple[int, ...]:
        """The nodes that train and aggregate."""
        return tuple(range(self.network.n)) if self.attack.follows_protocol else self.network.benign

    @cached_property
    def roster(self) -> Roster:
        return Roster.of(self.network, self.learners, self.device)

    @cached_property
    def benign(self) -> Tensor:
        """Where the benign nodes stand among the learners [h]."""
        return torch.tensor([self.learners.index(i) for i in self.network.benign], device=self.device)

    def initial(self) -> State:
        """All nodes start from one model, at rest."""
        models = self.model.initial.repeat(self.network.n, 1)
        with self.device:
            defense = self.defense.init(len(self.learners))
            return State(0, models, torch.zeros_like(models), self.attack.init(), defense, Tally())

    def batch(self, node: int, round: int, fresh: bool = False) -> Batch:
        """A node's mini-batch of a round."""
        index = self.batches.fresh(node, round) if fresh else self.batches.current(node, round)
        images, labels = self.data.train.batch(index, self.device)
        if node in self.network.byzantine:
            return self.attack.poison(images, labels, self.data.classes)
        return images, labels


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


def one_round(experiment: Experiment, state: State) -> tuple[State, "Scores"]:
    """Local update, attack, exchange, defense; then what is due at the end of an epoch."""
    batches = [experiment.batch(i, state.round) for i in experiment.learners]
    half, momenta = local_update(experiment, state, batches)  # eq. 2
    attack, messages = experiment.attack.send(state.attack, attack_view(experiment, state, half))  # eq. 8-10
    inbox = exchange(experiment, state.round, batches, half, messages)
    defense, mix = experiment.defense.aggregate(state.defense, inbox)  # eq. 3-7
    models = half.index_copy(0, experiment.roster.learners, mix.models)
    scores = Scores(experiment, models)
    defense = end_epochs(experiment, state.round + 1, defense, scores)
    tally = state.tally.add(mix, experiment.roster)
    return State(state.round + 1, models, momenta, attack, defense, tally), scores


def local_update(experiment: Experiment, state: State, batches: list[Batch]) -> tuple[Tensor, Tensor]:
    """Eq. 2: m_i <- beta m_i + g_i and x_i^{t+1/2} = x_i^t - lr m_i, for every learner."""
    optimizer = experiment.optimizer
    models, momenta = state.models.clone(), state.momenta.clone()
    for i, (images, labels) in zip(experiment.learners, batches, strict=True):
        momenta[i].mul_(optimizer.momentum).add_(experiment.model.gradient(models[i], images, labels))
        models[i].sub_(momenta[i], alpha=optimizer.lr)
    return models, momenta


def attack_view(experiment: Experiment, state: State, half: Tensor) -> AttackView:
    """What there is to know for an attacker, from x^t and x^{t+1/2} [n, d]."""
    network, roster = experiment.network, experiment.roster
    benign, byzantine = list(network.benign), list(network.byzantine)
    return AttackView(
        byzantine=len(byzantine),
        benign=half[benign],
        previous=state.models[benign],
        own=half[byzantine if experiment.attack.follows_protocol else []],
        attacker=roster.attacker,
        victim=roster.victim,
        seed=experiment.batches.seed,
        round=state.round,
    )


def exchange(experiment: Experiment, round: int, batches: list[Batch], half: Tensor, messages: Messages) -> Inbox:
    """Put every learner's own model and every distinct Byzantine one on the wire."""
    roster = experiment.roster
    rows = roster.rows.masked_scatter(roster.byzantine, len(roster.learners) + messages.index)
    models = torch.cat([half[roster.learners], messages.models])

    def loss_of(learner: Tensor, row: Tensor, fresh: bool) -> Tensor:
        screens = [experiment.batch(i, round, fresh=True) for i in experiment.learners] if fresh else batches
        pairs = list(zip(learner.tolist(), row.tolist(), strict=True))
        # Attackers may send one model many times over: it is evaluated once a learner.
        loss = {(i, r): experiment.model.loss(models[r], *screens[i]) for i, r in dict.fromkeys(pairs)}
        return torch.stack([loss[pair] for pair in pairs])

    return Inbox.of(models, rows, roster, loss_of, experiment.batches.seed, round)


class Score(NamedTuple):
    """How a model does on some samples: shares of right and of wrong answers, mean cross-entropy."""

    accuracy: float
    error: float
    loss: float


class Scores:
    """The scores of models [n, d], each measured when first asked for."""

    def __init__(self, experiment: Experiment, models: Tensor):
        self.experiment = experiment
        self.models = models
        self._known: dict[tuple[str, int], Score] = {}

    def of(self, node: int, data: str) -> Score:
        """A node's model on `test` images, or on its own `validation` samples."""
        if (data, node) not in self._known:
            self._known[data, node] = self._measure(node, data)
        return self._known[data, node]

    def _measure(self, node: int, data: str) -> Score:
        experiment, x = self.experiment, self.models[node]
        if data == "test":
            split, index = experiment.data.test, np.arange(len(experiment.data.test))
        else:
            split, index = experiment.data.train, experiment.batches.holdings[node].validation
        wrong, loss = 0, 0.0
        for chunk in np.split(index, range(EVALUATION_BATCH, len(index), EVALUATION_BATCH)):
            images, labels = split.batch(chunk, experiment.device)
            logits = experiment.model.logits(x, images)
            wrong += int((logits.argmax(1) != labels).sum())
            loss += cross_entropy(logits, labels, reduction="sum").item()
        total = len(index)
        return Score((total - wrong) / total, wrong / total, loss / total)


def end_epochs(experiment: Experiment, rounds: int, state: Any, scores: Scores) -> Any:
    """Tell the defense whose local epochs ended with this round, if any."""
    ended = [rounds % experiment.batches.epoch_length(i) == 0 for i in experiment.learners]
    if not any(ended):
        return state

    def measure(of: str, metric: str) -> Tensor:
        due = zip(experiment.learners, ended, strict=True)
        values = [getattr(scores.of(i, of), metric) if now else math.nan for i, now in due]
        return torch.tensor(values, dtype=torch.float64, device=experiment.device)

    return experiment.defense.end_epoch(state, torch.tensor(ended, device=experiment.device), measure)


def evaluate(experiment: Experiment, state: State, scores: Scores) -> Evaluation:
    """The benign nodes as they stand."""
    network, benign, batches = experiment.network, experiment.benign, experiment.batches
    on_test = [scores.of(i, "test") for i in network.benign]
    theta = experiment.defense.thresholds(state.defense)
    return Evaluation(
        round=state.round,
        epoch=fmean(state.round // batches.epoch_length(i) for i in network.benign),
        nodes=torch.tensor(network.benign),
        accuracy=torch.tensor([score.accuracy for score in on_test], dtype=torch.float64),
        loss=torch.tensor([score.loss for score in on_test], dtype=torch.float64),
        consensus_distance=consensus_distance(state.models[list(network.benign)]),
        theta=None if theta is None else theta[benign].cpu(),
        tally=state.tally.among(benign),
        neighbours=experiment.roster.present.sum(1)[benign].cpu(),
        byzantine_neighbours=experiment.roster.byzantine.sum(1)[benign].cpu(),
    )
