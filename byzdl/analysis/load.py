"""Finds the runs of a folder, and loads the rows of the finished ones."""

import json
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from byzdl.analysis.files import WHOLE_NUMBERS, AnalysisError, config, record, table
from byzdl.analysis.labels import labels, scientific

__all__ = ["AnalysisError", "IncompleteWarning", "Run", "find", "load", "load_nodes", "rows"]

# Keys that every run has, and that every figure needs.
NEEDED = ("attack.name", "attack.br", "defense.name", "seed")


class IncompleteWarning(UserWarning):
    """Warns of runs without a result: means over the others may be biased."""


@dataclass(frozen=True)
class Run:
    """Holds one run that is in a folder, or that a sweep planned there.

    - `name`: the name of its folder. A refused run has its overrides instead, an unreadable manifest its file name
    - `status`: `done`, `failed`, `interrupted`, `missing`, `refused`, `unreadable` or `superseded`
    - `why`: the reason why there is no result, on one line. A missing run has its overrides instead
    - `folder`: its folder; empty if it has none
    - `started`: the time of its start, in ISO format; empty if unknown
    - `identity`: the hash of its configuration and of the version of byzdl's results
    - `config`: flat: `{"attack.name": "max", "attack.br": 0.3, "seed": 0, ...}`; empty if unknown

    >>> Run("max-ubar-0", "missing", "attack=max defense=ubar seed=0").why
    'attack=max defense=ubar seed=0'
    """

    name: str
    status: str
    why: str = ""
    folder: Path = Path()
    started: str = ""
    identity: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


def find(*folders: Path | str) -> list[Run]:
    """Finds all runs in these folders, and the runs that their sweeps planned. Sorted by name.

    - A folder may also be a run itself.
    - A run that is still being computed is listed as interrupted: its folder looks the same.
    - A combination that a sweep refused is listed as refused, unless another sweep accepted the same overrides.
    - Results of two versions of byzdl are never mixed. Among runs that differ in the version alone, the latest one
      counts, even if it failed or is not finished. The others are superseded. A planned run without a folder supersedes
      nothing.
    - A record with an unknown schema version, such as one from an older byzdl, is listed as unreadable; the others
      still load.
    - With several folders, names are paths, `outputs/a/RUN`. A run that one folder has is not missing from another.

    **Raises:** `AnalysisError` if a folder has no run.

    >>> import byzdl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = byzdl.run(model="linear", rounds=2, folder=folder)
    ...     [run.status for run in find(folder)]
    ['done']
    """
    found: list[Run] = []
    unreadable: list[Run] = []
    planned: dict[str, Run] = {}
    distinct = list({folder.resolve(): folder for folder in map(Path, folders)}.values())
    for folder in distinct:
        where = f"{folder}/" if len(distinct) > 1 else ""
        runs = _in(folder)
        if not runs:
            raise AnalysisError(f"{folder}: {f'no run in it{deeper(folder)}' if folder.is_dir() else 'no such folder'}")
        for run in runs:
            named = replace(run, name=where + run.name)
            if run.status in ("missing", "refused"):
                planned[run.name] = named
            else:
                (unreadable if run.status == "unreadable" else found).append(named)
    present = {run.folder.resolve().name for run in (*found, *unreadable)}
    absent = [run for name, run in planned.items() if name not in present]
    return sorted([*_latest(found), *unreadable, *absent], key=lambda run: run.name)


def load(*folders: Path | str) -> pd.DataFrame:
    """Loads the rounds.csv of all finished runs into one tidy frame, with one row per evaluation.

    **Columns:**

    - `run`: the name of the run's folder
    - `setting`, `attack`, `br`, `defense`: the labels that tell configurations apart (see `byzdl.analysis.labels`)
    - every key of the configurations, such as `seed`, `attack.name` and `defense.theta`; missing if a run has no such
      key, lists as JSON
    - all columns of rounds.csv

    **Warns:** `IncompleteWarning` if runs have no result. `find` lists them with the reasons.

    **Raises:** `AnalysisError` if no run is done, or if the rows of a run cannot be read.

    >>> import byzdl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = byzdl.run("defense=mean", model="linear", rounds=20, folder=folder)
    ...     frame = load(folder)
    >>> frame[["attack", "br", "defense", "seed", "optimizer.lr", "round"]]
      attack   br defense  seed  optimizer.lr  round
    0    max  0.3    mean     0          0.05      0
    1    max  0.3    mean     0          0.05     10
    2    max  0.3    mean     0          0.05     20
    """
    return rows(_done(folders))


def load_nodes(*folders: Path | str) -> pd.DataFrame:
    """Loads nodes.csv as `load` does rounds.csv, with one row per benign node and evaluation.

    >>> import byzdl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = byzdl.run("defense=mean", "attack.br=0.5", "topology.n=4", model="linear", rounds=2, folder=folder)
    ...     nodes = load_nodes(folder)
    >>> nodes.groupby("round")["node"].nunique()
    round
    0    2
    2    2
    Name: node, dtype: int64
    """
    return rows(_done(folders), "nodes.csv")


def rows(done: Sequence[Run], file: str = "rounds.csv") -> pd.DataFrame:
    """Returns the frame of `load` for these runs, with the rows of another of their files if asked for."""
    labelled = zip(done, labels([run.config for run in done]), strict=True)
    runs = pd.DataFrame([{"run": run.name, **label._asdict(), **run.config} for run, label in labelled])
    # One frame for all runs with the same columns: thousands of frames would take most of the time.
    names: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    cells: defaultdict[tuple[str, ...], list[list[float]]] = defaultdict(list)
    for run in done:
        columns, body = table(run.folder / file)
        names[columns] += [run.name] * len(body)
        cells[columns] += body
    parts = [pd.DataFrame(cells[columns], columns=list(columns)).assign(run=names[columns]) for columns in cells]
    numbers = pd.concat(parts, ignore_index=True)
    whole = {name: int for name in WHOLE_NUMBERS if name in numbers}
    return runs.merge(numbers.astype(whole), on="run")


def _done(folders: Sequence[Path | str]) -> list[Run]:
    runs = find(*folders)
    done = [run for run in runs if run.status == "done"]
    if not done:
        raise AnalysisError(f"{', '.join(map(str, folders))}: no run in it is done")
    absent = [run for run in runs if run.status not in ("done", "superseded")]
    if absent:
        count = f"{len(absent)} of {len(done) + len(absent)}"
        warnings.warn(f"{count} runs have no result; byzdl.analysis.find says why", IncompleteWarning, stacklevel=3)
    return done


def _in(folder: Path) -> list[Run]:
    """Lists the runs of a folder, and the runs without a folder that its sweeps planned or refused."""
    planned, refused, unreadable = _plans(folder)
    if (folder / "run.json").is_file():
        found = {folder.resolve().name: _run(folder, folder.resolve().name)}
    else:
        # Runs are one level deep. A sweep may name deeper ones in its manifest.
        names = {path.parent.name for path in folder.glob("*/run.json")}
        names |= {name for name in planned if (folder / name / "run.json").is_file()}
        found = {name: _run(folder / name, name) for name in sorted(names)}
    missing = [Run(name, "missing", overrides) for name, overrides in planned.items() if name not in found]
    refusals = [Run(name, "refused", why) for name, why in refused.items() if name not in found]
    return [*found.values(), *missing, *refusals, *unreadable]


def deeper(folder: Path) -> str:
    """Names the folders below this one that have runs, as the end of a sentence. Empty if there are none."""
    found = ", ".join(sorted({str(file.parent.parent) for file in folder.glob("*/*/run.json")}))
    return f"; there are runs in {found}" if found else ""


def _run(folder: Path, name: str) -> Run:
    try:
        facts = record(folder / "run.json")
        run = Run(name, "done", "", folder, str(facts.get("started", "")), str(facts.get("identity", "")))
        if facts.get("status") == "done":
            _check_rows(folder / "rounds.csv")
            return replace(run, config=_whole(folder / "config.yaml"))
    except AnalysisError as error:
        return Run(name, "unreadable", str(error), folder)
    with suppress(AnalysisError):
        run = replace(run, config=config(folder / "config.yaml"))
    if facts.get("status") == "failed":
        return replace(run, status="failed", why=" ".join(str(facts.get("error", "")).split()))
    return replace(run, status="interrupted", why="stopped, or still being computed")


def _whole(file: Path) -> dict[str, Any]:
    found = config(file)
    if absent := [key for key in NEEDED if key not in found]:
        raise AnalysisError(f"{file}: lacks {', '.join(absent)}")
    return found


def _check_rows(file: Path) -> None:
    # Other faults of a table are found when it is read.
    with suppress(OSError), file.open("rb") as lines:
        if len(list(islice(lines, 2))) == 1:
            raise AnalysisError(f"{file}: has no row")


def _latest(runs: Iterable[Run]) -> list[Run]:
    """Marks results as superseded if a newer one has the same configuration, or if a newer version was started."""
    latest: dict[str, Run] = {}
    others: list[Run] = []
    for run in sorted(runs, key=lambda run: run.started):
        key = json.dumps(scientific(run.config), sort_keys=True, default=str)
        older = latest.get(key)
        if run.status != "done":
            others.append(run)
        if older and (run.status == "done" or (older.started < run.started and older.identity != run.identity)):
            why = f"{run.name} is newer and has the same configuration"
            others.append(replace(latest.pop(key), status="superseded", why=why))
        if run.status == "done":
            latest[key] = run
    return [*latest.values(), *others]


def _plans(folder: Path) -> tuple[dict[str, str], dict[str, str], list[Run]]:
    """Reads the manifests of a folder's sweeps.

    Returns the planned runs as names with overrides, the refused ones with reasons, and the unreadable manifests.
    """
    entries: list[dict[str, Any]] = []
    unreadable: list[Run] = []
    for file in sorted(folder.glob("sweep-*.json")):
        try:
            entries += record(file).get("runs", [])
        except AnalysisError as error:
            unreadable.append(Run(file.name, "unreadable", str(error)))
    planned = {entry["name"]: " ".join(entry["overrides"]) for entry in entries if not entry["refused"]}
    accepted = {tuple(entry["overrides"]) for entry in entries if not entry["refused"]}
    refused = {
        entry["name"] or " ".join(entry["overrides"]): " ".join(entry["refused"].split())
        for entry in entries
        if entry["refused"] and tuple(entry["overrides"]) not in accepted
    }
    return planned, refused, unreadable
