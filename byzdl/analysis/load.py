"""What lies in a folder of runs, and the rows of those that are done."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from byzdl.analysis.labels import labels
from byzdl.keys import MACHINE_KEYS

# Versions of run.json, of the columns that it stands for, and of the sweep manifests.
KNOWN_SCHEMAS = (2,)


class AnalysisError(Exception):
    """What makes a folder impossible to analyse, in one line."""


@dataclass(frozen=True)
class Run:
    """One run that is in a folder or should be.

    - `name`: of its folder; for a refused run, its overrides
    - `status`: `done`, `failed`, `interrupted`, `missing`, `refused` or `superseded`
    - `why`: one line on why there is no result, for a missing run the overrides that ask for it
    - `folder`: where it is; empty for those without one
    - `started`: when, as ISO time; empty where it isn't known
    - `config`: of done runs, flat: `{"attack.name": "max", "attack.br": 0.3, "seed": 0, ...}`
    """

    name: str
    status: str
    why: str = ""
    folder: Path = Path()
    started: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


def find(folder: Path | str) -> list[Run]:
    """All runs in a folder, or the one that the folder itself is, and those that its sweeps planned; by name.

    A run that is still being computed is called interrupted: its folder looks the same.
    What a sweep refused counts as refused only as long as no sweep accepts the same overrides.
    Of runs that differ in nothing but the version of byzdl the latest counts, the others are superseded.

    **Raises:** `AnalysisError` where a record has an unknown schema or cannot be read.
    """
    folder = Path(folder)
    planned, refused = _plans(folder)
    if (folder / "run.json").is_file():
        found = {folder.resolve().name: _run(folder, folder.resolve().name)}
    else:
        # One level deep, and deeper where a sweep says that it wrote there.
        names = {path.parent.name for path in folder.glob("*/run.json")}
        names |= {name for name in planned if (folder / name / "run.json").is_file()}
        found = {name: _run(folder / name, name) for name in sorted(names)}
    missing = [Run(name, "missing", asked) for name, asked in planned.items() if name not in found]
    turned_away = [Run(name, "refused", why) for name, why in refused.items() if name not in found]
    return sorted([*_latest(found.values()), *missing, *turned_away], key=lambda run: run.name)


def load(folder: Path | str) -> pd.DataFrame:
    """The rows of rounds.csv of all done runs in one tidy frame.

    **Columns:** `run`, the name of the folder; `setting`, `attack`, `br` and `defense`, the labels that tell
    configurations apart (see `byzdl.analysis.labels`); all of rounds.csv; every key of the configurations, such as
    `seed`, `attack.name` and `defense.theta`, missing where a run has no such key, lists as JSON.

    **Raises:** `AnalysisError` where no run is done, a schema is unknown or a file cannot be read.
    """
    done = [run for run in find(folder) if run.status == "done"]
    if not done:
        raise AnalysisError(f"{folder}: no finished run in it")
    return rows(done)


def rows(done: Sequence[Run]) -> pd.DataFrame:
    """The frame that `load` gives, of these runs."""
    about = zip(done, labels([run.config for run in done]), strict=True)
    runs = pd.DataFrame([{"run": run.name, **label._asdict(), **run.config} for run, label in about])
    rounds = pd.concat([_rounds(run) for run in done], ignore_index=True)
    return runs.merge(rounds, on="run")


def _run(folder: Path, name: str) -> Run:
    facts = _record(folder / "run.json")
    started = str(facts.get("started", ""))
    match facts.get("status"):
        case "done":
            return Run(name, "done", folder=folder, started=started, config=_config(folder / "config.yaml"))
        case "failed":
            return Run(name, "failed", " ".join(str(facts.get("error", "")).split()), folder, started)
        case _:
            return Run(name, "interrupted", "it was stopped, or is still being computed", folder, started)


def _latest(runs: Iterable[Run]) -> list[Run]:
    """The runs, older results of a configuration marked as superseded."""
    latest: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: run.started):
        science = {key: value for key, value in run.config.items() if key not in MACHINE_KEYS}
        key = json.dumps(science, sort_keys=True, default=str) if run.status == "done" else run.name
        if key in latest:
            older = replace(latest[key], status="superseded", why=f"{run.name} is newer and of the same configuration")
            latest[older.name] = older
        latest[key] = run
    return list(latest.values())


def _plans(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What sweeps planned, name and overrides; and what none of them accepted, with the reason."""
    entries = [entry for file in sorted(folder.glob("sweep-*.json")) for entry in _record(file).get("runs", [])]
    planned = {entry["name"]: " ".join(entry["overrides"]) for entry in entries if not entry["refused"]}
    accepted = {tuple(entry["overrides"]) for entry in entries if not entry["refused"]}
    refused = {
        entry["name"] or " ".join(entry["overrides"]): " ".join(entry["refused"].split())
        for entry in entries
        if entry["refused"] and tuple(entry["overrides"]) not in accepted
    }
    return planned, refused


def _record(file: Path) -> dict[str, Any]:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnalysisError(f"{file}: cannot be read ({error})") from error
    schema = facts.get("schema") if isinstance(facts, dict) else None
    if schema not in KNOWN_SCHEMAS:
        known = ", ".join(map(str, KNOWN_SCHEMAS))
        raise AnalysisError(f"{file}: has schema version {schema}; this byzdl.analysis knows {known}")
    assert isinstance(facts, dict)
    return facts


def _config(file: Path) -> dict[str, Any]:
    try:
        return dict(_flat(yaml.safe_load(file.read_text(encoding="utf-8"))))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AnalysisError(f"{file}: cannot be read ({' '.join(str(error).split())})") from error


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        yield path, json.dumps(value)
    else:
        # 1 and 1.0 are one value, as they are for a run's identity.
        yield path, int(value) if isinstance(value, float) and value.is_integer() else value


def _rounds(run: Run) -> pd.DataFrame:
    file = run.folder / "rounds.csv"
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            frame = pd.DataFrame(csv.DictReader(lines))
        # Python's float reads back exactly; and a column that is empty in this run is a number in another.
        frame = frame.replace("", "nan").astype(float).astype({"round": int})
    except (OSError, ValueError, KeyError) as error:
        raise AnalysisError(f"{file}: cannot be read ({error})") from error
    return frame.assign(run=run.name)
