"""The constant inputs of a simulation (`Experiment`), and the input of its next round (`State`).

The models of the network are one matrix X [L, d], a row for each learner. A learner is a node that trains.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from byzdl.attacks import Attack, Initialise
from byzdl.config.types import ConfigError
from byzdl.data import Data, divide, labels_for
from byzdl.data.augment import Augmentation
from byzdl.data.batches import Batches
from byzdl.defenses import Defense
from byzdl.exchange.links import Links
from byzdl.models import initialised
from byzdl.preaggregation import Preaggregation
from byzdl.random_streams import torch_seed
from byzdl.simulation.flat_model import Batch, FlatModel, flat_model, flattened
from byzdl.simulation.metrics import Tally
from byzdl.simulation.settings import Optimizer, Settings
from byzdl.simulation.tasks import CLASSIFICATION, REGRESSION
from byzdl.simulation.trial import tried
from byzdl.topology import Network, Topology, draw_redraws

MOST_KEPT = 2**23  # the most values of inputs to keep for a round

Make = Callable[[Sequence[int], int, bool, int], Batch]
"""Makes the mini-batches of learner rows, for a round, `fresh` and a local step."""


class State(NamedTuple):
    """Holds everything that one round passes to the next.

    - `round`: rounds done
    - `models`: X [L, d]
    - `momenta`: [L, d]; a round updates them in place
    - `attack`, `defense`: the states of the two rules, of any type
    - `tally`: counts since the last evaluation
    """

    round: int
    models: Tensor
    momenta: Tensor
    attack: Any
    defense: Any
    tally: Tally


@dataclass(frozen=True)
class Experiment:
    """Holds everything that a simulation reads and never changes.

    - `networks`: the graphs of the run, in order; more than one only if `topology` redraws them
    - `fresh`: draws other initial models by a key, for attacks
    """

    rounds: int
    local_steps: int
    eval_every: int
    optimizer: Optimizer
    attack: Attack
    defense: Defense
    pre: Preaggregation
    topology: Topology
    networks: tuple[Network, ...]
    data: Data
    batches: Batches
    augmentation: Augmentation
    model: FlatModel
    fresh: Initialise
    device: torch.device

    @classmethod
    def build(cls, settings: Settings, network: Network, data: Data) -> "Experiment":
        """Draws the later graphs, splits the data and initialises the model, all from the seed.

        - `network`: the first graph

        **Raises:** `ConfigError` if there is no such graph, if a node's data cannot fill a batch, or if the data are
        unsuitable for the partition or the attack; `RuleError` for a network that cannot be trained.
        """
        _check_data(settings, data)
        later = draw_redraws(settings.topology, settings.attack.br, settings.seed, settings.rounds, network)
        device = torch.device(settings.device)
        holdings = divide(
            settings.partition, labels_for(settings.partition, data), network.n, settings.batch_size, settings.seed
        )
        module = initialised(settings.model, data.sample, data.outputs, settings.seed)
        screening = {"float32": torch.float32, "bf16": torch.bfloat16}[settings.screen.precision]
        data = data.to(device)
        task = CLASSIFICATION if data.classes else REGRESSION
        flat = flat_model(module, device, screening, settings.batch_size * data.sample.size, task)

        def fresh(*key: int) -> Tensor:
            seed = torch_seed(settings.seed, "fresh", *key)
            return flattened(initialised(settings.model, data.sample, data.outputs, seed)).to(device)

        return cls(
            rounds=settings.rounds,
            local_steps=settings.local_steps,
            eval_every=settings.eval_every,
            optimizer=settings.optimizer,
            attack=settings.attack,
            defense=settings.defense,
            pre=settings.pre,
            topology=settings.topology,
            networks=(network, *later),
            data=data,
            batches=Batches(holdings, settings.batch_size, settings.seed),
            augmentation=Augmentation(settings.augment, settings.seed),
            model=tried(settings.model, flat, *data.train.batch(torch.arange(2)), data.outputs),
            fresh=fresh,
            device=device,
        )

    @property
    def network(self) -> Network:
        """The first graph, with the Byzantine set of the run."""
        return self.networks[0]

    @property
    def holds_out(self) -> bool:
        """Whether the nodes hold out validation samples. If one does, all do."""
        return len(self.batches.holdings[0].validation) > 0

    @cached_property
    def learners(self) -> tuple[int, ...]:
        """The nodes that train and aggregate."""
        return tuple(range(self.network.n)) if self.attack.trains else self.network.benign

    @cached_property
    def links(self) -> Links:
        """The graph and the roster of every round."""
        seed, silent = self.batches.seed, self.attack.silent
        return Links(self.networks, self.topology, self.learners, seed, self.device, silent)

    @cached_property
    def benign(self) -> Tensor:
        """Learner rows of the benign nodes [h]."""
        return self._rows(self.network.benign)

    @cached_property
    def byzantine(self) -> Tensor:
        """Learner rows of the Byzantine nodes: [B] if they are learners, else [0]."""
        return self._rows([i for i in self.network.byzantine if i in self.learners])

    def initial(self) -> State:
        """Returns the state before the first round: the same model at every node, and zero momenta."""
        count, neighbours = self.links.roster(0).present.shape
        models = self.model.initial.repeat(count, 1)
        with self.device:
            attack = self.attack.begin(count, self.model.d)
            defense = self.defense.begin(count, neighbours, self.model.d)
            return State(0, models, torch.zeros_like(models), attack, defense, Tally())

    def batch(self, learners: Sequence[int], round: int, fresh: bool = False, step: int = -1) -> Batch:
        """Returns the mini-batches of some learners in a round.

        Inputs go through the view of the node's partition first, then through augmentation. Last, an attacker poisons
        its own, so that a trigger lies at the same place as in test images.

        - `learners`: learner rows
        - `fresh`: other mini-batches, for screening alone; not augmented, as no model learns from them
        - `step`: the local step. By default the last one, with the mini-batch xi_i that received models are screened on
        """
        return self._some(learners, self._own, round, fresh, step % self.local_steps)

    def estimate(self, learners: Sequence[int], round: int, fresh: bool = False) -> Batch:
        """Returns the attackers' estimates of some learners' mini-batches.

        Each learner's batch is replaced by that of its lowest-numbered Byzantine neighbour, without poison. A learner
        without such a neighbour keeps its own batch.
        """
        return self._some(learners, self._estimated, round, fresh, self.local_steps - 1)

    def _some(self, learners: Sequence[int], make: Make, round: int, fresh: bool, step: int) -> Batch:
        if len(self.learners) * self.model.batch > MOST_KEPT:
            return make(learners, round, fresh, step)
        inputs, targets = self._kept(make, round, fresh, step)
        at = slice(learners.start, learners.stop) if isinstance(learners, range) else list(learners)
        return inputs[at], targets[at]

    @cached_property
    def _kept(self) -> Callable[[Make, int, bool, int], Batch]:
        """Makes the mini-batches of all learners, and keeps them until others are requested.

        A round requests the same ones for the gradient, the defense and each rehearsal.
        """
        return lru_cache(maxsize=1)(lambda make, *which: make(range(len(self.learners)), *which))

    def _own(self, learners: Sequence[int], round: int, fresh: bool, step: int) -> Batch:
        nodes = [self.learners[i] for i in learners]
        inputs, targets = self._drawn(nodes, round, fresh, step)
        byzantine = self.network.byzantine
        for i, node in enumerate(nodes):
            if node in byzantine and self.attack.acts(round):
                attacker, attackers = byzantine.index(node), len(byzantine)
                inputs[i], targets[i] = self.attack.poison_of(
                    attacker, attackers, inputs[i], targets[i], self.data.classes
                )
        return inputs, targets

    def _estimated(self, learners: Sequence[int], round: int, fresh: bool, step: int) -> Batch:
        byzantine, neighbours = set(self.network.byzantine), self.links.network(round).neighbours
        nodes = [self.learners[i] for i in learners]
        sources = [min(byzantine.intersection(neighbours[node]), default=node) for node in nodes]
        return self._drawn(sources, round, fresh, step)

    def _drawn(self, nodes: Sequence[int], round: int, fresh: bool, step: int) -> Batch:
        number = self.mini_batches(round) + step
        index = [self.batches.fresh(i, round) if fresh else self.batches.current(i, number) for i in nodes]
        inputs, targets = self.data.train.batch(torch.from_numpy(np.stack(index)))
        for i, node in enumerate(nodes):
            if (view := self.batches.holdings[node].view) is not None:
                inputs[i] = view(inputs[i])
        if not fresh:
            inputs = self.augmentation(inputs, nodes, number)
        return inputs, targets

    def mini_batches(self, rounds: int) -> int:
        """Returns how many mini-batches each node has trained on after a number of rounds."""
        return rounds * self.local_steps

    def epochs(self, node: int, rounds: int) -> int:
        """Returns how many epochs of its data a node has completed after a number of rounds."""
        return self.mini_batches(rounds) // self.batches.epoch_length(node)

    def _rows(self, nodes: Sequence[int]) -> Tensor:
        return torch.tensor([self.learners.index(i) for i in nodes], dtype=torch.long, device=self.device)


def _check_data(settings: Settings, data: Data) -> None:
    """Refuses a data set that does not suit the task, the augmentation, the partition or the attack.

    **Raises:** `ConfigError`, with the key to change.
    """
    found = "classification" if data.classes else "regression"
    if settings.task != found:
        targets = "classes" if data.classes else "real numbers"
        takes = f"{found}, as the targets of dataset={settings.dataset.name} are {targets}"
        raise ConfigError.of("task", settings.task, takes)
    if settings.augment and data.sample.kind != "image":
        raise ConfigError.of("augment", settings.augment, f"[], as samples are {data.sample}, and no images")
    settings.partition.check(data.sample)
    settings.attack.check_data(data.sample, data.classes)
