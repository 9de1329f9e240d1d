"""Whole simulations, and whether two are the same to the last bit."""

import copy
import dataclasses
from typing import Any

import torch

from byzdl.simulation.rounds import simulate
from byzdl.simulation.settings import Optimizer


def run(experiment, state=None):
    """All states and evaluations of a simulation. Every state is copied when it is yielded."""
    return [copy.deepcopy(pair) for pair in simulate(experiment, experiment.initial() if state is None else state)]


def standing_still(experiment):
    """The same experiment with a learning rate of 0, which configurations refuse. A round is then the defense alone."""
    return dataclasses.replace(experiment, optimizer=Optimizer.model_construct(lr=0.0, momentum=0.9))


def same_bits(a: Any, b: Any) -> bool:
    """Whether two states or evaluations are equal to the last bit."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if dataclasses.is_dataclass(a):
        return all(same_bits(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(same_bits(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_bits(a[key], b[key]) for key in a)
    return a == b
