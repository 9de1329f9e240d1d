"""Finds the folders of runs within a folder, whatever else is in it."""

import os
from collections.abc import Iterator
from pathlib import Path

from byzdl.analysis.files import AnalysisError, reason
from byzdl.analysis.run import Run, read_run
from byzdl.analysis.sweeps import Sweep, sweeps

# One of them tells that a folder is a run's. The first may be lost.
TELLING = ("run.json", "rounds.csv")


def contents(folder: Path) -> tuple[dict[str, Run], list[Sweep]]:
    """Reads a folder's runs, by their names there, and its sweeps. A folder may also be a run itself.

    Runs are one level deep. A sweep may name deeper ones in its manifest. Hidden folders hold no run.

    **Raises:** `AnalysisError` if the folder cannot be read, or if it has neither a run nor a sweep.
    """
    try:
        entries = sorted(entry for entry in os.listdir(folder) if not entry.startswith("."))
    except NotADirectoryError:
        raise AnalysisError(f"{folder}: is a file, but must be a folder of runs") from None
    except FileNotFoundError:
        raise AnalysisError(f"{folder}: no such folder") from None
    except OSError as error:
        raise AnalysisError(f"{folder}: cannot be read ({reason(error)})") from error
    own = sweeps(folder)
    if is_run(folder):
        return {"": read_run(folder, folder.resolve().name)}, own
    names = {entry for entry in entries if is_run(folder / entry)}
    names |= {name for sweep in own for name in sweep.runs if is_run(folder / name)}
    if not names and not own:
        raise AnalysisError(f"{folder}: no run in it{deeper(folder)}")
    return {name: _read(folder, name) for name in sorted(names)}, own


def is_run(folder: Path) -> bool:
    """Tells whether a folder is a run's, even if it cannot be read.

    >>> is_run(Path("nowhere"))
    False
    """
    try:
        return any(_has(folder / name) for name in TELLING)
    except PermissionError:
        return True


def deeper(folder: Path) -> str:
    """Names the folders below this one that have runs, as the end of a sentence. Empty if there are none."""
    found = ", ".join(sorted({str(file.parent.parent) for file in _records(folder)}))
    return f"; there are runs in {found}" if found else ""


def _records(folder: Path) -> Iterator[Path]:
    return (file for file in folder.glob("*/*/run.json") if not file.parts[-3].startswith("."))


def _has(file: Path) -> bool:
    try:
        os.lstat(file)
    except PermissionError:
        raise
    except (OSError, ValueError):
        return False
    return True


def _read(folder: Path, name: str) -> Run:
    try:
        name.encode()
    except UnicodeEncodeError:
        return Run(os.fsencode(name).decode(errors="replace"), "unreadable", "its name is not UTF-8", folder / name)
    return read_run(folder / name, name)
