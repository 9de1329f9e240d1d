"""What a simulation reads and never changes, and what one round hands to the next.

The state of the network is one matrix X [L, d], a row for the model of each learner: of each node that trains.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from byzdl.attacks import Attack
from byzdl.data import Data, divide
from byzdl.data.augment import Augmentation
from byzdl.data.batches import Batches
from byzdl.defenses import Defense
from byzdl.exchange.links import Links
from byzdl.models import initialised
from byzdl.preaggregation import Preaggregation
from byzdl.simulation.flat_model import Batch, FlatModel, flat_model
from byzdl.simulation.metrics import Tally
from byzdl.simulation.settings import Optimizer, Settings
from byzdl.topology import Network, Topology, draw_redraws


class State(NamedTuple):
    """All that one round hands to the next.

    - `round`: rounds done
    - `models`: X [L, d]
    - `momenta`: [L, d]; a round updates them in place
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
    """All that a simulation reads and never changes.

    - `networks`: the graphs of the run, in order; one, unless `topology` has it redrawn
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
    device: torch.device

    @classmethod
    def build(cls, settings: Settings, network: Network, data: Data) -> "Experiment":
        """Draw the graphs that follow the first one, split the data and initialise the model, all from the seed.

        **Raises:** `ConfigError` if there is no such graph, if a node's data cannot fill a batch, or if these data don't
        do for the partition or the attack.
        """
        settings.partition.check(data.shape)
        settings.attack.check_classes(data.classes)
        later = draw_redraws(settings.topology, settings.attack.br, settings.seed, settings.rounds, network)
        device = torch.device(settings.device)
        labels, n = data.train.labels.numpy(), network.n
        holdings = divide(settings.partition, labels, n, settings.batch_size, settings.seed)
        module = initialised(settings.model, data.shape, data.classes, settings.seed)
        screening = {"float32": torch.float32, "bf16": torch.bfloat16}[settings.screen.precision]
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
            data=data.to(device),
            batches=Batches(holdings, settings.batch_size, settings.seed),
            augmentation=Augmentation(settings.augment, settings.seed),
            model=flat_model(module, device, screening, batch=settings.batch_size * math.prod(data.shape)),
            device=device,
        )

    @property
    def network(self) -> Network:
        """The first graph, with the Byzantine set of the run."""
        return self.networks[0]

    @cached_property
    def learners(self) -> tuple[int, ...]:
        """The nodes that train and aggregate."""
        return tuple(range(self.network.n)) if self.attack.trains else self.network.benign

    @cached_property
    def links(self) -> Links:
        """Who hears whom, round by round."""
        return Links(self.networks, self.topology, self.learners, self.batches.seed, self.device)

    @cached_property
    def benign(self) -> Tensor:
        """Where the benign nodes stand among the learners [h]."""
        return self._standing(self.network.benign)

    @cached_property
    def byzantine(self) -> Tensor:
        """Where the Byzantine nodes stand among the learners [B], if they do."""
        return self._standing([i for i in self.network.byzantine if i in self.learners])

    def initial(self) -> State:
        """All nodes start from one model, at rest."""
        count, neighbours = self.links.roster(0).present.shape
        models = self.model.initial.repeat(count, 1)
        with self.device:
            attack, defense = self.attack.begin(count, self.model.d), self.defense.init(count, neighbours)
            return State(0, models, torch.zeros_like(models), attack, defense, Tally())

    def batch(self, learners: Sequence[int], round: int, fresh: bool = False, step: int = -1) -> Batch:
        """The mini-batches of some learners, by where they stand, in a round.

        A node sees its images as its partition says; then those that it trains on are augmented, and those of an
        attacker poisoned: a trigger lies where it lies in test images.

        - `fresh`: others, for screening alone, which nothing is learnt from: they are not augmented
        - `step`: which of the round's; the last is xi_i, on which received models are screened
        """
        nodes = [self.learners[i] for i in learners]
        images, labels = self._drawn(nodes, round, fresh, step)
        for i, node in enumerate(nodes):
            if node in self.network.byzantine and self.attack.acts(round):
                images[i], labels[i] = self.attack.poison(images[i], labels[i], self.data.classes)
        return images, labels

    def estimate(self, learners: Sequence[int], round: int, fresh: bool = False) -> Batch:
        """What attackers have in place of some learners' mini-batches: each one that of its Byzantine neighbour of lowest number.

        It is not poisoned; who has no such neighbour keeps its own.
        """
        bad, around = set(self.network.byzantine), self.links.network(round).neighbours
        nodes = [self.learners[i] for i in learners]
        return self._drawn([min(bad.intersection(around[node]), default=node) for node in nodes], round, fresh)

    def _drawn(self, nodes: Sequence[int], round: int, fresh: bool, step: int = -1) -> Batch:
        number = self.mini_batches(round) + step % self.local_steps
        index = [self.batches.fresh(i, round) if fresh else self.batches.current(i, number) for i in nodes]
        images, labels = self.data.train.batch(torch.from_numpy(np.stack(index)))
        for i, node in enumerate(nodes):
            if (view := self.batches.holdings[node].view) is not None:
                images[i] = view(images[i])
        if not fresh:
            images = self.augmentation(images, nodes, number)
        return images, labels

    def mini_batches(self, rounds: int) -> int:
        """How many mini-batches each node has trained on after so many rounds."""
        return rounds * self.local_steps

    def epochs(self, node: int, rounds: int) -> int:
        """How many epochs of its data a node has ended after so many rounds."""
        return self.mini_batches(rounds) // self.batches.epoch_length(node)

    def _standing(self, nodes: Sequence[int]) -> Tensor:
        return torch.tensor([self.learners.index(i) for i in nodes], dtype=torch.long, device=self.device)
