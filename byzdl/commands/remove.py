"""`byzdl runs rm FOLDER` removes runs, and nothing else."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from byzdl.analysis.files import reason
from byzdl.analysis.folders import is_run
from byzdl.analysis.load import AnalysisError, Run, find
from byzdl.commands.status import is_alive
from byzdl.commands.words import counted
from byzdl.config.columns import TABLES
from byzdl.config.types import ConfigError
from byzdl.runs.folder import BusyError, RunFolder

# Statuses of runs that have a folder, with the meaning of their options.
REMOVABLE = {
    "failed": "those that failed",
    "interrupted": "those that were stopped, and are not computed any more",
    "superseded": "those whose configuration has a newer result",
    "unreadable": "those with a damaged file",
}

# What byzdl and Hydra leave in a run's folder. Whatever else is there keeps the run.
OWN = (
    *("run.json", "config.yaml", *TABLES),
    *("checkpoint", "checkpoint.aside", ".lock", "*.log", ".hydra", ".*.[0-9]*"),
    *("events.out.tfevents.*", "wandb"),
)


def remove(folder: Path, names: Sequence[str], statuses: Sequence[str], yes: bool = False, dry: bool = False) -> None:
    """Removes runs of a folder, after a question, and prints each.

    A run stays if a process computes it, if its folder is a link, or if its folder holds anything that is not a run's.

    - `names`: names or patterns of runs; all by default
    - `statuses`: keys of `REMOVABLE`; any status by default. With names as well, runs must have both
    - `yes`: whether to remove them without a question
    - `dry`: whether only to print

    **Raises:** `AnalysisError` if the folder has no run; `ConfigError` if neither names nor statuses are given, or if
    no run has such a name.
    """
    if not names and not statuses:
        options = ", ".join(f"--{status}" for status in REMOVABLE)
        raise ConfigError(f"RUN is missing, but must be the name of a run, or a pattern; or give any of {options}")
    runs = [run for run in find(folder) if run.status not in ("missing", "refused") and is_run(run.folder)]
    runs = [run for run in runs if run.folder != Path() or not run.name.endswith(".json")]
    for name in names:
        if not any(_is_named(run, name) for run in runs):
            raise ConfigError.unknown("RUN", name, [run.name for run in runs], kind=f"a run of {folder}, or a pattern")
    chosen = [run for run in runs if not names or any(_is_named(run, name) for name in names)]
    chosen = [run for run in chosen if not statuses or run.status in statuses]
    kept = {run.name: why for run in chosen if (why := _why_kept(run))}
    going = [run for run in chosen if run.name not in kept]
    for name, why in kept.items():
        print(f"kept: {name}: {why}")
    if not going:
        print(f"nothing to remove in {folder}")
        return
    for run in going:
        print(f"  {run.status}: {run.name}{f': {run.why}' if run.why and run.status != 'done' else ''}")
    if dry:
        print(f"would remove {counted(len(going), 'run')} of {folder}")
        return
    if not yes and not _agreed(f"remove {counted(len(going), 'run')} of {folder}?"):
        sys.exit("byzdl: nothing is removed; --yes removes them without a question")
    for left in folder.glob(".removed-*"):  # by a command that was killed
        shutil.rmtree(left, ignore_errors=True)
    removed = [run for run in going if _remove(run)]
    print(f"removed {counted(len(removed), 'run')} of {folder}")
    if any(run.status == "missing" for run in _left(folder)):
        print(f"sweeps still want runs that are missing: {shlex.join(['byzdl', 'status', str(folder)])}")


def _is_named(run: Run, name: str) -> bool:
    return name.rstrip("/") == run.name or fnmatchcase(run.name, name)


def _why_kept(run: Run) -> str:
    if run.folder.is_symlink():
        return "its folder is a link"
    if is_alive(run.folder) and run.status == "interrupted":
        return "a process computes it"
    try:
        foreign = sorted(_foreign(run.folder))
    except OSError as error:
        return reason(error)
    return f"its folder also holds {', '.join(foreign)}" if foreign else ""


def _foreign(folder: Path) -> Iterator[str]:
    """The names in a run's folder that are not a run's."""
    return (name for name in os.listdir(folder) if not any(fnmatchcase(name, own) for own in OWN))


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _remove(run: Run) -> bool:
    """Removes a run as a whole: first renamed, so that no half of it can be taken for a run."""
    place = run.folder.resolve()
    aside = place.with_name(f".removed-{place.name}")
    try:
        with RunFolder(run.folder, run.identity).locked(patient=False):
            shutil.rmtree(aside, ignore_errors=True)
            place.rename(aside)
    except BusyError:
        print(f"kept: {run.name}: a process computes it")
        return False
    shutil.rmtree(aside)
    return True


def _left(folder: Path) -> Sequence[Run]:
    try:
        return find(folder)
    except AnalysisError:
        return []
