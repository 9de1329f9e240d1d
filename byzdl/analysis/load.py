"""Finds the runs of folders, and loads the rows of the finished ones."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from byzdl.analysis.files import WHOLE_NUMBERS, AnalysisError, table
from byzdl.analysis.folders import contents, deeper
from byzdl.analysis.labels import Labels, labels
from byzdl.analysis.run import Run
from byzdl.analysis.superseded import latest

__all__ = ["AnalysisError", "IncompleteWarning", "Run", "find", "finished", "load", "load_nodes", "rows"]


class IncompleteWarning(UserWarning):
    """Warns of runs without a result: means over the others may be biased."""


def find(*folders: Path | str) -> list[Run]:
    """Finds all runs in these folders, and the runs that their sweeps planned. Sorted by name.

    - A folder may also be a run itself.
    - A run that is still being computed is listed as interrupted: its folder looks the same.
    - A combination that a sweep refused is listed as refused, unless another sweep accepted the same overrides.
    - Of several results of one configuration one counts, and the others are superseded: the latest one, or the latest
      one whose code and data are as they are now. Results of two versions are never mixed: if the run that counts failed or
      is not finished, it supersedes those of other versions. A planned run without a folder supersedes nothing.
    - A damaged file, or one with an unknown schema version, such as one from an older byzdl, makes its run unreadable;
      the others still load.
    - With several folders, names are paths, `outputs/a/RUN`. A run that one folder has is not missing from another.

    **Raises:** `AnalysisError` if a folder cannot be read, or if it has no run.

    >>> import byzdl, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = byzdl.run(model="linear", rounds=2, folder=folder)
    ...     [run.status for run in find(folder)]
    ['done']
    """
    runs: dict[Path, Run] = {}
    unreadable: list[Run] = []
    missing: dict[str, Run] = {}
    refused: dict[tuple[str, ...], tuple[str, Run]] = {}
    accepted: set[tuple[str, ...]] = set()
    present: set[str] = set()
    several = len(places := distinct(folders)) > 1
    for folder in places:
        own, sweeps = contents(folder)
        for name, run in own.items():
            named = replace(run, name=str(folder / name)) if several else run
            # Two links to one run are one run. The folder's own name comes before a link's.
            place = run.folder.resolve()
            if place not in runs or runs[place].folder.is_symlink():
                runs[place] = named
        present |= {name or "." for name in own}
        for sweep in sweeps:
            where = f"{folder}/" if several else ""
            if sweep.why:
                unreadable.append(Run(where + sweep.file.name, "unreadable", sweep.why))
            accepted |= set(sweep.runs.values())
            for name, overrides in sweep.runs.items():
                missing[name] = Run(where + name, "missing", " ".join(overrides))
            for overrides, (name, why) in sweep.refused.items():
                refused[overrides] = name, Run(where + name, "refused", why)
    absent = [run for name, run in missing.items() if name not in present]
    refusals = [run for asked, (name, run) in refused.items() if asked not in accepted and name not in present]
    return sorted([*latest(runs.values()), *unreadable, *absent, *refusals], key=lambda run: run.name)


def load(*folders: Path | str) -> pd.DataFrame:
    """Loads the rounds.csv of all finished runs into one tidy frame, with one row per evaluation.

    **Columns:**

    - `run`: the name of the run's folder
    - `setting`, `attack`, `br`, `defense`: the labels that tell configurations apart (see `byzdl.analysis.labels`)
    - `byzantine_nodes`: their number, which may be another share of `topology.n` than `br`; missing if unknown
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
    """Returns the frame of `load` for these runs, with the rows of another of their files if asked for.

    **Raises:** `AnalysisError` if a file cannot be read, or if two runs with the same labels have the same seed.
    """
    each = labels([run.config for run in done])
    _check_seeds(done, each)
    # One frame for all runs with the same columns: thousands of frames would take most of the time.
    names: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    cells: defaultdict[tuple[str, ...], list[list[float]]] = defaultdict(list)
    for run in done:
        columns, body = table(run.folder / file, run.config["rounds"])
        names[columns] += [run.name] * len(body)
        cells[columns] += body
    parts = [pd.DataFrame(cells[columns], columns=list(columns)).assign(run=names[columns]) for columns in cells]
    numbers = pd.concat(parts, ignore_index=True)
    whole = {name: int for name in WHOLE_NUMBERS if name in numbers}
    own = {"run", *Labels._fields, "byzantine_nodes", *numbers}
    runs = pd.DataFrame(
        {"run": run.name, **label._asdict(), "byzantine_nodes": run.byzantine}
        | {key: value for key, value in run.config.items() if key not in own}
        for run, label in zip(done, each, strict=True)
    )
    return runs.merge(numbers.astype(whole), on="run")


def finished(runs: Sequence[Run], *folders: Path | str) -> list[Run]:
    """Selects the runs that are done.

    - `runs`: from `find`
    - `folders`: where they were found, for the error

    **Raises:** `AnalysisError` if there is none, with the number of runs of each status, and a reason.

    >>> finished([Run("a", "failed", "boom")], "nowhere")
    Traceback (most recent call last):
    byzdl.analysis.files.AnalysisError: nowhere: no run in it is done (1 failed: boom)
    """
    done = [run for run in runs if run.status == "done"]
    if done:
        return done
    counts = ", ".join(f"{count} {status}" for status, count in sorted(Counter(run.status for run in runs).items()))
    reasons = {run.why for run in runs if run.status != "missing"}
    why = f": {reasons.pop()}" if len(reasons) == 1 else ""
    where, them = ", ".join(map(str, folders)), "them" if folders[1:] else "it"
    below = "".join(deeper(Path(folder)) for folder in folders)
    raise AnalysisError(f"{where}: no run in {them} is done ({counts}{why}){below}")


def distinct(folders: Sequence[Path | str]) -> list[Path]:
    """Returns the folders, each once, whatever the ways to write them.

    >>> [str(folder) for folder in distinct(["a", "b", "b/../a/"])]
    ['a', 'b']
    """
    places: dict[Path, Path] = {}
    for folder in map(Path, folders):
        places.setdefault(folder.resolve(), folder)
    return list(places.values())


def _check_seeds(done: Sequence[Run], each: Sequence[Labels]) -> None:
    """Makes sure that no mean counts a seed twice. Values that are written alike (1 and "1") have the same label."""
    first: dict[tuple[Labels, object], Run] = {}
    for run, label in zip(done, each, strict=True):
        other = first.setdefault((label, run.config["seed"]), run)
        if other is not run:
            raise AnalysisError(f"{other.folder} and {run.folder}: cannot be told apart, and have the same seed")


def _done(folders: Sequence[Path | str]) -> list[Run]:
    runs = find(*folders)
    done = finished(runs, *folders)
    absent = [run for run in runs if run.status not in ("done", "superseded")]
    if absent:
        count = f"{len(absent)} of {len(done) + len(absent)}"
        warnings.warn(f"{count} runs have no result; byzdl.analysis.find says why", IncompleteWarning, stacklevel=3)
    return done
