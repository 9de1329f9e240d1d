"""Configurations of whole runs, and the tables that are compared."""

import functools
from copy import deepcopy
from pathlib import Path
from typing import Any

from helpers import choices, chosen
from test_golden import COMMON

from byzdl.config.compose import compose

STATEFUL = ["defense=loss_threshold", "defense.patience=1", "defense.screen=fresh", "rounds=120", "eval_every=3"]
VARYING = ["topology.redraw_every=7", "topology.drop=0.3"]
CASES = {
    "mlp": [*STATEFUL, "attack=max", "model=mlp"],
    "cnn": [*STATEFUL, "rounds=60", "attack=ipm", "model=cnn", "model.channels=[2,3]", "model.hidden=8"],
    "followers": [*STATEFUL, "attack=label_flip", "model=linear", "partition=dirichlet", *VARYING],
    "a rule without a state": ["defense=ubar", "attack=alie_1.5", "model=linear", "rounds=150", "eval_every=3"],
}
# All other choices with a state, future ones included.
KEEPERS = {
    f"{group}={name}": [f"{group}={name}", "model=linear", "rounds=150", "eval_every=3"]
    for group, empty in (
        ("attack", lambda choice: choice.init(3, 2) == ()),
        ("defense", lambda choice: choice.begin(3, 2, 1) == ()),
    )
    for name in choices(group)
    if name != "loss_threshold" and not empty(chosen(group, name))
}
CASES |= KEEPERS


def config(cache: Path, *overrides: str) -> dict[str, Any]:
    composed = deepcopy(_composed(*overrides))
    composed["dataset"]["cache"] = str(cache)
    return composed


@functools.cache
def _composed(*overrides: str) -> dict[str, Any]:
    own = {o.partition("=")[0] for o in overrides}
    common = [o for o in COMMON if o.partition("=")[0] not in own]
    return compose(*overrides, *common)


def without_seconds(folder: Path) -> list[str]:
    rows = [line.rpartition(",")[0] for line in (folder / "rounds.csv").read_text().splitlines()]
    return [*rows, (folder / "nodes.csv").read_text(), (folder / "edges.csv").read_text()]
