"""A sweep's plan: which runs belong to it, which are done, and which cannot be computed."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from byzdl.config.columns import SCHEMA_VERSION
from byzdl.config.explain import WRONG_INPUT, explain
from byzdl.config.identity import data_root, identity, plain
from byzdl.config.types import ConfigError
from byzdl.files import replace_file
from byzdl.progress import bar
from byzdl.runs.folder import is_done, read_status

Compose = Callable[[Sequence[str]], DictConfig]


@dataclass(frozen=True)
class Planned:
    """One combination of a sweep.

    - `overrides`: what was asked for
    - `folder`, `identity`: where it is written, and what it is
    - `done`: whether it has a result already
    - `refused`: why it cannot be computed; empty if it can
    """

    overrides: tuple[str, ...]
    folder: Path = Path()
    identity: str = ""
    done: bool = False
    refused: str = ""


def planned(combinations: Sequence[tuple[str, ...]], compose: Compose) -> list[Planned]:
    """Every run, in order: once, however many combinations ask for it; one whose folder another one takes is refused."""
    plan: list[Planned] = []
    takers: dict[Path, Planned] = {}
    with bar(len(combinations), "planned") as shown:
        for overrides in combinations:
            run = _one_planned(overrides, compose)
            shown.update()
            taker = run if run.refused else takers.setdefault(run.folder, run)
            if taker.identity != run.identity:
                taken = ConfigError.of("hydra.sweep.subdir", str(run.folder), "a folder of its own for every run")
                plan.append(replace(run, refused=str(taken)))
            elif taker is run:
                plan.append(run)
    return plan


def _one_planned(overrides: tuple[str, ...], compose: Compose) -> Planned:
    try:
        config = compose(overrides)
        folder = Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir)
        composed = plain(config)
        own = identity(composed)
        # Done on the same data, as far as can be told without reading any; else the run itself looks.
        done = is_done(folder, own) and read_status(folder).get("root") == data_root(composed)
        return Planned(overrides, folder, own, done)
    except WRONG_INPUT as error:
        return Planned(overrides, refused=explain(error))


def write_manifest(folder: Path, plan: Sequence[Planned]) -> None:
    """Say which runs belong to this sweep, so that analysis can tell which are missing."""
    runs: list[dict[str, Any]] = [
        {
            "name": None if run.refused else Path(os.path.relpath(run.folder, folder)).as_posix(),
            "overrides": run.overrides,
            "refused": run.refused or None,
        }
        for run in plan
    ]
    text = json.dumps({"schema": SCHEMA_VERSION, "runs": runs}, indent=1).encode()
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"sweep-{hashlib.sha256(text).hexdigest()[:10]}.json", text)
