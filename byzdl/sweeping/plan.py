"""The plan of a sweep: its runs, those already done, and those that cannot be computed."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from byzdl.config.columns import SCHEMA_VERSION
from byzdl.config.explain import WRONG_INPUT, explain
from byzdl.config.identity import identity
from byzdl.config.machine import data_root, differing, value_of
from byzdl.config.types import ConfigError
from byzdl.files import replace_file
from byzdl.progress import bar
from byzdl.runs.folder import is_done, read_status

Compose = Callable[[tuple[str, ...]], tuple[Mapping[str, Any], Path]]


@dataclass(frozen=True)
class Planned:
    """One combination of a sweep, and its run.

    - `overrides`: its overrides
    - `folder`, `identity`: where it is written, and the identity of its configuration
    - `done`: whether it has a result already
    - `refused`: why it cannot be computed; empty if it can
    - `config`: its configuration, as plain containers; empty if it cannot be composed
    """

    overrides: tuple[str, ...]
    folder: Path = Path()
    identity: str = ""
    done: bool = False
    refused: str = ""
    config: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def planned(combinations: Sequence[tuple[str, ...]], compose: Compose) -> list[Planned]:
    """Plans every run once, in order, even if several combinations lead to it.

    A combination is refused if its configuration is wrong; if an earlier one with another configuration takes its folder;
    or if it is the same run as an earlier one, on other data, or on a device of which somebody wants a second result.

    - `compose`: returns the configuration of a combination, as plain containers, and its folder

    >>> def compose(overrides):
    ...     return {"overrides": sorted(overrides)}, Path("outputs", *sorted(overrides))
    >>> plan = planned([("seed=0", "rounds=5"), ("rounds=5", "seed=0"), ("seed=1", "rounds=5")], compose)
    >>> [run.overrides for run in plan]
    [('seed=0', 'rounds=5'), ('seed=1', 'rounds=5')]
    """
    plan: list[Planned] = []
    first_in: dict[Path, Planned] = {}
    with bar(len(combinations), "planned") as shown:
        for overrides in combinations:
            run = _planned(overrides, compose)
            shown.update()
            first = run if run.refused else first_in.setdefault(run.folder, run)
            if first is run:
                plan.append(run)
            elif first.identity != run.identity:
                takes = f"a different folder for every run, as {_apart(first, overrides)} has this one"
                taken = ConfigError.of("hydra.sweep.subdir", str(run.folder), takes)
                plan.append(replace(run, refused=str(taken)))
            elif (key := differing(first.config, run.config)) is not None:
                plan.append(replace(run, refused=_refusal(key, first, run)))
    return plan


def _planned(overrides: tuple[str, ...], compose: Compose) -> Planned:
    try:
        config, folder = compose(overrides)
        own = identity(config)
        # With another path to the data, the run itself compares their contents.
        done = is_done(folder, own) and read_status(folder).get("root") == data_root(config)
        return Planned(overrides, folder, own, done, config=config)
    except WRONG_INPUT as error:
        return Planned(overrides, refused=explain(error))


def _apart(first: Planned, overrides: Sequence[str]) -> str:
    """What the first combination has otherwise; all of it, if that is nothing."""
    return " ".join(one for one in first.overrides if one not in overrides) or " ".join(first.overrides)


def _refusal(key: str, first: Planned, run: Planned) -> str:
    """Why a combination is not computed beside the first one, of the same identity."""
    if key == "dataset.root":
        hint = "other data need a dataset.name of their own"
    elif key == "topology.path":
        hint = "no file is there, so that the two cannot be told apart"
    else:
        hint = "a second result needs a sweep of its own, in another folder"
    takes = f"{value_of(first.config, key)!r} as in {_apart(first, run.overrides)}, which is the same run; {hint}"
    return str(ConfigError.of(key, value_of(run.config, key), takes))


def write_manifest(folder: Path, plan: Sequence[Planned]) -> None:
    """Writes the list of a sweep's runs, so that analysis can tell which are missing.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_manifest(Path(folder), [Planned(("seed=0",), Path(folder) / "run")])
    ...     [file.name for file in Path(folder).iterdir()]
    ['sweep-...json']
    """
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
