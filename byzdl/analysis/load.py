"""What lies in a folder of runs, and the rows of those that are done."""

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
from byzdl.analysis.labels import labels, science

__all__ = ["AnalysisError", "IncompleteWarning", "Run", "find", "load", "load_nodes", "rows"]

# What every run has, and no figure can do without.
NEEDED = ("attack.name", "attack.br", "defense.name", "seed")


class IncompleteWarning(UserWarning):
    """Some runs of a folder have no result: what is taken over the others may lean to one side."""


@dataclass(frozen=True)
class Run:
    """One run that is in a folder or should be.

    - `name`: of its folder; for a refused run, its overrides; for a manifest that is unreadable, its file
    - `status`: `done`, `failed`, `interrupted`, `missing`, `refused`, `unreadable` or `superseded`
    - `why`: one line on why there is no result, for a missing run the overrides that ask for it
    - `folder`: where it is; empty for those without one
    - `started`: when, as ISO time; empty where it isn't known
    - `identity`: the hash of its configuration and of the version of byzdl's results
    - `config`: flat: `{"attack.name": "max", "attack.br": 0.3, "seed": 0, ...}`; empty where it isn't known
    """

    name: str
    status: str
    why: str = ""
    folder: Path = Path()
    started: str = ""
    identity: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


def find(*folders: Path | str) -> list[Run]:
    """All runs in these folders, or the one that a folder itself is, and those that its sweeps planned; by name.

    A run that is still being computed is called interrupted: its folder looks the same.
    What a sweep refused counts as refused only as long as no sweep accepts the same overrides.
    Of runs that differ in nothing but the version of byzdl the latest counts, the others are superseded, even where it
    failed or isn't finished: results of two versions are never mixed. Of a new run that has not begun nothing is known.
    A record of a schema that isn't known, such as one that an older byzdl left, is unreadable, and in the way of no other.
    Of several folders, names are paths: `outputs/a/RUN`, and what one of them has is missing from none.

    **Raises:** `AnalysisError` where a folder has no run.
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
    having = {run.folder.resolve().name for run in (*found, *unreadable)}
    absent = [run for name, run in planned.items() if name not in having]
    return sorted([*_latest(found), *unreadable, *absent], key=lambda run: run.name)


def load(*folders: Path | str) -> pd.DataFrame:
    """The rows of rounds.csv of all done runs in one tidy frame: one row an evaluation.

    **Columns:** `run`, the name of the folder; `setting`, `attack`, `br` and `defense`, the labels that tell
    configurations apart (see `byzdl.analysis.labels`); every key of the configurations, such as
    `seed`, `attack.name` and `defense.theta`, missing where a run has no such key, lists as JSON; all of rounds.csv.

    **Warns:** `IncompleteWarning` where runs have no result; `find` names them and says why.

    **Raises:** `AnalysisError` where no run is done, or the rows of one cannot be read.
    """
    return rows(_done(folders))


def load_nodes(*folders: Path | str) -> pd.DataFrame:
    """As `load`, of nodes.csv: one row a benign node and evaluation."""
    return rows(_done(folders), "nodes.csv")


def rows(done: Sequence[Run], file: str = "rounds.csv") -> pd.DataFrame:
    """The frame that `load` gives, of these runs, with the rows of one of their files."""
    about = zip(done, labels([run.config for run in done]), strict=True)
    runs = pd.DataFrame([{"run": run.name, **label._asdict(), **run.config} for run, label in about])
    # One frame for all runs of the same columns: one for each of thousands would take most of the time.
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
        raise AnalysisError(f"{', '.join(map(str, folders))}: no finished run in it")
    absent = [run for run in runs if run.status not in ("done", "superseded")]
    if absent:
        lacking = f"{len(absent)} of {len(done) + len(absent)} runs have no result; byzdl.analysis.find says why"
        warnings.warn(lacking, IncompleteWarning, stacklevel=3)
    return done


def _in(folder: Path) -> list[Run]:
    """The runs that a folder has, and those that its sweeps planned or refused and it has not."""
    planned, refused, unreadable = _plans(folder)
    if (folder / "run.json").is_file():
        found = {folder.resolve().name: _run(folder, folder.resolve().name)}
    else:
        # One level deep, and deeper where a sweep says that it wrote there.
        names = {path.parent.name for path in folder.glob("*/run.json")}
        names |= {name for name in planned if (folder / name / "run.json").is_file()}
        found = {name: _run(folder / name, name) for name in sorted(names)}
    missing = [Run(name, "missing", asked) for name, asked in planned.items() if name not in found]
    turned_away = [Run(name, "refused", why) for name, why in refused.items() if name not in found]
    return [*found.values(), *missing, *turned_away, *unreadable]


def deeper(folder: Path) -> str:
    """In which folders below this one there are runs, as the end of a sentence; empty where there is none."""
    found = ", ".join(sorted({str(file.parent.parent) for file in folder.glob("*/*/run.json")}))
    return f"; there are some in {found}" if found else ""


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
    return replace(run, status="interrupted", why="it was stopped, or is still being computed")


def _whole(file: Path) -> dict[str, Any]:
    found = config(file)
    if lacking := [key for key in NEEDED if key not in found]:
        raise AnalysisError(f"{file}: lacks {', '.join(lacking)}")
    return found


def _check_rows(file: Path) -> None:
    # What else may be wrong with a table is told when it is read.
    with suppress(OSError), file.open("rb") as lines:
        if len(list(islice(lines, 2))) == 1:
            raise AnalysisError(f"{file}: has no row")


def _latest(runs: Iterable[Run]) -> list[Run]:
    """The runs, results of a configuration marked as superseded of which there is a newer one, or a newer version was begun."""
    latest: dict[str, Run] = {}
    others: list[Run] = []
    for run in sorted(runs, key=lambda run: run.started):
        key = json.dumps(science(run.config), sort_keys=True, default=str)
        older = latest.get(key)
        if run.status != "done":
            others.append(run)
        if older and (run.status == "done" or (older.started < run.started and older.identity != run.identity)):
            why = f"{run.name} is newer and of the same configuration"
            others.append(replace(latest.pop(key), status="superseded", why=why))
        if run.status == "done":
            latest[key] = run
    return [*latest.values(), *others]


def _plans(folder: Path) -> tuple[dict[str, str], dict[str, str], list[Run]]:
    """What sweeps planned, name and overrides; what none of them accepted, with the reason; manifests that say nothing."""
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
