"""An instance's plain values say all that tells it from another one, and go into config.yaml."""

from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pydantic import BaseModel, ConfigDict, Field

from byzdl.api.overrides import with_instances
from byzdl.api.sweep import _Axes
from byzdl.config.compose import compose
from byzdl.config.identity import identity, run_name
from byzdl.config.types import Component, ConfigError
from byzdl.config.values import behind, values
from byzdl.data import Synthetic
from byzdl.defenses import Defense
from byzdl.defenses.local import Local
from byzdl.defenses.oracle import Oracle
from byzdl.preaggregation.nnm import Nnm


class Level(Enum):
    LOW = 1
    HIGH = 2


class Weight(BaseModel):
    tau: float = 1.0


class OtherWeight(BaseModel):
    tau: float = 1.0


class Rule(Defense):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    x: Any = None
    hidden: Any = Field(default=None, exclude=True)


def one_way(x):
    return x


def other_way(x):
    return -x


def name(**keys: Any) -> str:
    return identity({"defense": values("defense", Rule(**keys))})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Weight(), OtherWeight()),
        ([Weight(tau=1.0)], [Weight(tau=2.0)]),
        (Local(), Oracle()),
        (one_way, other_way),
        (lambda x: x + 1, lambda x: x + 2),
        (Level.LOW, Level.HIGH),
        (Weight, OtherWeight),
        (np.zeros(2), np.zeros((1, 2))),
        (np.zeros(2), np.zeros(2, np.float32)),
        (torch.zeros(2), torch.ones(2)),
        (Path("a"), Path("b")),
        ({1, 2}, {1, 3}),
    ],
)
def test_instances_that_differ_are_two_runs_and_can_be_written(one, other):
    assert name(x=one) == name(x=one) != name(x=other)
    assert name(hidden=one) != name(hidden=other)
    for value in (one, other):
        written = yaml.safe_load(yaml.safe_dump(values("defense", Rule(x=value))))
        assert written["_target_"] == "test_values.Rule"


@pytest.mark.parametrize(
    ("one", "other"), [(np.float64(2.0), 2), (np.int64(3), 3), (Path("a"), "a"), ((1, 2), [1, 2]), ({2, 1}, {1, 2})]
)
def test_instances_that_are_equal_are_one_run(one, other):
    assert name(x=one) == name(x=other)


def test_an_object_that_nothing_can_tell_apart_is_refused_in_one_line():
    with pytest.raises(ConfigError, match=r"^defense\.x is an object of builtins\.object, but must be made of numbers"):
        name(x=object())


@pytest.mark.parametrize("defense", [Local(), Oracle()])
def test_a_reference_line_made_in_python_ignores_pre_steps_as_one_that_is_named(defense):
    named = compose(f"defense={defense.name}", "pre=nnm")
    made, given = with_instances(compose("pre=nnm"), {"defense": defense})
    both, left = with_instances(compose(), {"defense": defense, "pre": Nnm()})
    assert run_name(named) == run_name(made) == run_name(both)
    assert named["pre"] == made["pre"] == both["pre"]
    assert set(given) == set(left) == {"defense"}


def test_a_name_takes_no_pre_step_away():
    """A rule that happens to be called local still has its pre-step, and local has none under any name."""
    assert compose("defense=ubar", "defense.name=local", "pre=nnm")["pre"]["name"] == "nnm"
    assert compose("defense=local", "defense.name=floor", "pre=nnm")["pre"]["name"] == "none"


def made(share: float) -> type[Component]:
    class Half(Defense):
        def aggregate(self, state, inbox):
            return state, share

    return Half


def test_a_sweep_over_instances_that_look_alike_has_them_all():
    rules = [made(0.1)(), made(0.2)(), made(0.1)()]
    axes = _Axes([], {"defense": rules})
    found = [axes.separated(combination)[1]["defense"] for combination in axes.combinations([()])]
    assert [one is rule for one, rule in zip(found, rules, strict=True)] == [True, True, True]
    one, other, again = (identity({"defense": values("defense", rule)}) for rule in found)
    assert one == again != other


def test_the_cache_of_a_data_set_of_byzdls_own_is_what_it_was():
    assert behind("dataset", Synthetic()) == {}
