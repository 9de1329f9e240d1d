"""The schema of a run: every key typed and range-checked before any data is read."""

import importlib
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationError

from byzdl.attacks import Attack
from byzdl.config.keys import GROUPS, WRITERS
from byzdl.config.types import (
    Component,
    ConfigError,
    Count,
    Natural,
    NonNegative,
    Positive,
    ProperShare,
    Record,
    complaint,
    takes,
)
from byzdl.data import Dataset, Partition
from byzdl.data.augment import Change
from byzdl.defenses import Defense
from byzdl.models import Model
from byzdl.preaggregation import Preaggregation
from byzdl.topology import Topology

KINDS: dict[str, type[Component]] = {
    "attack": Attack,
    "defense": Defense,
    "pre": Preaggregation,
    "topology": Topology,
    "dataset": Dataset,
    "partition": Partition,
    "model": Model,
}


class Optimizer(Record):
    """Stochastic gradient descent with momentum, eq. 2: m <- momentum m + g, x <- x - lr m.

    - `average`: m <- momentum m + (1 - momentum) g in its place, as S. P. Karimireddy, L. He, M. Jaggi, *Learning from
      history for Byzantine robust optimization* (ICML 2021); the same as eq. 2 at lr (1 - momentum)
    - `weight_decay`: what is added to g, times x
    - `schedule`: of the learning rate over the rounds t of T: `constant`, `linear` (1 - t/T), `cosine` ((1 + cos(pi t/T)) / 2)
    """

    lr: Positive
    momentum: ProperShare
    average: bool = False
    weight_decay: NonNegative = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"

    def step(self, round: int, rounds: int) -> float:
        """What m is multiplied by in a round (rounds count from 0)."""
        lr = self.lr * (1 - self.momentum) if self.average else self.lr
        match self.schedule:
            case "linear":
                return lr * (1 - round / rounds)
            case "cosine":
                return lr * (1 + math.cos(math.pi * round / rounds)) / 2
        return lr


class Screen(Record):
    """How received models are screened: losses in `float32`, or in `bf16`, which is faster on a GPU."""

    precision: Literal["float32", "bf16"]


def _often(every: int | str) -> bool:
    return every >= 1 if isinstance(every, int) else re.fullmatch(r"\d+(\.\d+)?s", every) is not None


class Checkpoint(Record):
    """How often the state of a run is kept, so that it can go on from there."""

    every: Annotated[int | str, takes("a number of rounds such as 100, or of seconds such as 60s", _often)]


class Settings(Record):
    """One run, in full.

    - `rounds`: communication rounds
    - `local_steps`: mini-batch iterations in a round before the exchange; 1 in the paper, more in local SGD. The learning
      rate's schedule counts rounds
    - `batch_size`: samples in a mini-batch
    - `augment`: what is changed in training images at random, see `Augmentation`
    - `eval_every`: rounds between two rows of the logs
    - `device`, `threads`: where it is computed; they are no part of the run's identity
    - `writer`: where its numbers also go; no part of it either
    """

    seed: Natural
    rounds: Count
    local_steps: Count = 1
    batch_size: Count
    augment: Annotated[
        list[Change],
        takes("a list of crop and flip, each at most once", lambda v: len(set(v)) == len(v)),
    ] = Field(default=[])
    eval_every: Count
    device: Annotated[str, takes("cpu, cuda or cuda:N", re.compile(r"cpu|cuda(:\d+)?").fullmatch)]
    threads: Count
    writer: Annotated[str, takes(f"one of none, {', '.join(WRITERS)}", {"none", *WRITERS}.__contains__)] = "none"
    optimizer: Optimizer
    screen: Screen
    checkpoint: Checkpoint
    attack: Attack
    defense: Defense
    pre: Preaggregation
    topology: Topology
    dataset: Dataset
    partition: Partition
    model: Model


def parse(config: Mapping[str, Any], given: Mapping[str, Component] | None = None) -> Settings:
    """Turns a composed configuration into checked settings.

    - `config`: plain containers
    - `given`: instances in place of the configured choices, by group

    **Raises:** `ConfigError`, one line for the first key that is wrong.
    """
    given = given or {}
    components = {group: given.get(group) or component(group, config[group]) for group in GROUPS if group in config}
    try:
        settings = Settings.model_validate({**config, **components})
    except ValidationError as error:
        raise complaint(error.errors()[0]) from None
    if settings.device != "cpu" and (torch.device(settings.device).index or 0) >= torch.cuda.device_count():
        raise ConfigError.of("device", settings.device, f"cpu, or one of {torch.cuda.device_count()} CUDA devices")
    if settings.pre.regroups and settings.defense.knows_neighbours:
        takes = f"none or nnm beside defense={settings.defense.name}, which remembers each neighbour"
        raise ConfigError.of("pre", settings.pre.name, takes)
    _check_batch_size(settings)
    return settings


def component(group: str, chosen: object) -> Component:
    """The chosen member of a config group, made from its `_target_` and its keys."""
    if not isinstance(chosen, Mapping) or "_target_" not in chosen:
        raise ConfigError.of(group, chosen, "the name of a YAML in this group, which names its class as _target_")
    module, _, name = str(chosen["_target_"]).rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{group}._target_: got {chosen['_target_']!r}, which cannot be imported: {error}") from error
    if not (isinstance(cls, type) and issubclass(cls, KINDS[group])):
        takes = f"a subclass of {KINDS[group].__module__}.{KINDS[group].__name__}"
        raise ConfigError.of(f"{group}._target_", chosen["_target_"], takes)
    if not chosen.get("name"):
        raise ConfigError(f"{group}.name: missing, and it has no default")
    try:
        return cls.model_validate({key: value for key, value in chosen.items() if not str(key).startswith("_")})
    except ValidationError as error:
        raise complaint(error.errors()[0], prefix=group) from None


def _check_batch_size(settings: Settings) -> None:
    """Refuse early what no split could fill; `divide` refuses the rest once it has split."""
    total, n = settings.dataset.train_size, settings.topology.n
    if total is None:
        return
    most = total // n - round(settings.partition.validation * (total // n))
    if settings.batch_size > most:
        raise ConfigError.of(
            "batch_size",
            settings.batch_size,
            f"at most {most}, what a node's data can be: {total} samples of dataset={settings.dataset.name} "
            f"over topology.n={n}",
        )
