"""The schema of a run. Every key is checked for type and range before any data are read."""

import importlib
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationError

from byzdl.attacks import Attack
from byzdl.config.columns import tables
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
from byzdl.data.partition import refuse_impossible
from byzdl.defenses import Defense
from byzdl.models import Model
from byzdl.preaggregation import Preaggregation
from byzdl.topology import Topology

# Apple's mps cannot count in float64, and that is how rules compare models.
DEVICES = "cpu, cuda or cuda:N (there is no mps, which lacks the float64 of the rules)"

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
    """Configures stochastic gradient descent with momentum, eq. 2: m <- momentum m + g, x <- x - lr m.

    - `lr`: the learning rate of the first round
    - `momentum`: beta in the paper
    - `average`: m <- momentum m + (1 - momentum) g in place of eq. 2, as in S. P. Karimireddy, L. He, M. Jaggi, *Learning
      from history for Byzantine robust optimization* (ICML 2021); the same as eq. 2 at lr (1 - momentum)
    - `weight_decay`: its product with x is added to g
    - `schedule`: of the learning rate over the rounds t of T: `constant`, `linear` (1 - t/T), `cosine` ((1 + cos(pi t/T)) / 2)

    >>> optimizer = Optimizer(lr=0.5, momentum=0.9, schedule="linear")
    >>> [optimizer.step(round, rounds=4) for round in range(4)]
    [0.5, 0.375, 0.25, 0.125]
    """

    lr: Positive
    momentum: ProperShare
    average: bool = False
    weight_decay: NonNegative = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"

    def step(self, round: int, rounds: int) -> float:
        """Returns the factor of m in a round (rounds count from 0)."""
        lr = self.lr * (1 - self.momentum) if self.average else self.lr
        match self.schedule:
            case "linear":
                return lr * (1 - round / rounds)
            case "cosine":
                return lr * (1 + math.cos(math.pi * round / rounds)) / 2
        return lr


class Screen(Record):
    """Configures the losses of received models.

    - `precision`: the type that they are computed in: `float32`, or `bf16`, which is faster on a GPU
    """

    precision: Literal["float32", "bf16"]


def _is_interval(every: int | str) -> bool:
    return every >= 1 if isinstance(every, int) else re.fullmatch(r"\d+(\.\d+)?s", every) is not None


class Checkpoint(Record):
    """Configures the checkpoints, from which an interrupted run goes on.

    - `every`: the interval between two checkpoints, in rounds (100) or in seconds (60s)
    """

    every: Annotated[int | str, takes("a number of rounds such as 100, or of seconds such as 60s", _is_interval)]


class Settings(Record):
    """Holds all settings of one run.

    - `seed`: fixes every random number of the run
    - `task`: what networks learn: a class (`classification`), or a number (`regression`)
    - `rounds`: communication rounds
    - `local_steps`: mini-batch iterations before the exchange of a round; 1 in the paper, more in local SGD. The
      learning rate's schedule counts rounds
    - `batch_size`: samples in a mini-batch
    - `augment`: random changes of training images, see `Augmentation`
    - `eval_every`: rounds between two rows of the logs
    - `device`, `threads`: the hardware to compute on; no part of the run's identity
    - `writer`: a tracker that gets the numbers as well; no part of the run's identity
    - `objective`: the column of rounds.csv whose last value the run returns to a sweeper; null: the mean score. It is no part
      of the identity
    """

    seed: Natural
    task: Literal["classification", "regression"] = "classification"
    rounds: Count
    local_steps: Count = 1
    batch_size: Count
    augment: Annotated[
        list[Change],
        takes("a list of crop and flip, each at most once", lambda v: len(set(v)) == len(v)),
    ] = Field(default=[])
    eval_every: Count
    device: Annotated[str, takes(DEVICES, re.compile(r"cpu|cuda(:\d+)?").fullmatch)]
    threads: Count
    writer: Annotated[str, takes(f"one of none, {', '.join(WRITERS)}", {"none", *WRITERS}.__contains__)] = "none"
    objective: str | None = None
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

    **Raises:** `ConfigError`, one line for the first wrong key.

    >>> from byzdl.config.compose import compose
    >>> settings = parse(compose("defense=ubar", "rounds=5"))
    >>> settings.rounds, settings.defense
    (5, Ubar(name='ubar', ...))
    """
    given = given or {}
    components = {group: given.get(group) or component(group, config[group]) for group in GROUPS if group in config}
    try:
        settings = Settings.model_validate({**config, **components})
    except ValidationError as error:
        raise complaint(error.errors()[0]) from None
    _check_device(settings.device)
    _check_objective(settings)
    if settings.pre.regroups and settings.defense.knows_neighbours:
        takes = f"none or nnm beside defense={settings.defense.name}, which remembers each neighbour"
        raise ConfigError.of("pre", settings.pre.name, takes)
    if settings.topology.n is None and settings.partition.by != "user":
        takes = f"an integer, as partition={settings.partition.name} knows no users; null goes with partition=natural"
        raise ConfigError.of("topology.n", None, takes)
    _check_batch_size(settings)
    return settings


def component(group: str, chosen: object) -> Component:
    """Makes the chosen member of a config group.

    - `chosen`: a mapping of the keys of the choice, with its class as `_target_`

    **Raises:** `ConfigError` for a class that cannot be imported or is of another group, and for a wrong key.

    >>> component("partition", {"_target_": "byzdl.data.Shards", "name": "shards", "classes": 3})
    Shards(name='shards', validation=0.0, classes=3)
    """
    if not isinstance(chosen, Mapping) or "_target_" not in chosen:
        raise ConfigError.of(group, chosen, "the name of a YAML in this group, with a class as its _target_")
    target = chosen["_target_"]
    module, _, name = str(target).rpartition(".")
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError.of(f"{group}._target_", target, f"a class that can be imported ({error})") from error
    if not (isinstance(cls, type) and issubclass(cls, KINDS[group])):
        takes = f"a subclass of {KINDS[group].__module__}.{KINDS[group].__name__}"
        raise ConfigError.of(f"{group}._target_", target, takes)
    if not chosen.get("name"):
        raise ConfigError(f"{group}.name: missing, and it has no default")
    try:
        return cls.model_validate({key: value for key, value in chosen.items() if not str(key).startswith("_")})
    except ValidationError as error:
        raise complaint(error.errors()[0], prefix=group) from None


def _check_device(device: str) -> None:
    count = torch.cuda.device_count()
    if device != "cpu" and (torch.device(device).index or 0) >= count:
        takes = f"cpu or one of cuda:0 to cuda:{count - 1}" if count else "cpu, as no CUDA device was found"
        raise ConfigError.of("device", device, takes)


def _check_objective(settings: Settings) -> None:
    column, score = settings.objective, "accuracy" if settings.task == "classification" else "r2"
    known, held_out = (tables(score, validation)["rounds.csv"] for validation in (False, True))
    if column in known or column is None:
        return
    if column not in held_out:
        raise ConfigError.unknown("objective", column, known)
    if not settings.partition.validation:
        raise ConfigError.of("objective", column, "a column of rounds.csv; this one needs partition.validation above 0")


def _check_batch_size(settings: Settings) -> None:
    """Refuses early a batch that no split could fill. `divide` refuses the others after the split."""
    total, n = settings.dataset.train_size, settings.topology.n
    if total is not None and n is not None:
        refuse_impossible(settings.partition, total, n, settings.batch_size, f" of dataset={settings.dataset.name}")
