"""Reads the manifests of a folder's sweeps: which runs each of them planned or refused."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from byzdl.analysis.files import AnalysisError, record

# Of a key's values, or of keys: more would not fit on a line.
MANY = 6


@dataclass(frozen=True)
class Sweep:
    """One sweep, as its manifest tells.

    - `file`: the manifest
    - `planned`: when it was planned the last time, in seconds since 1970
    - `runs`: the overrides of each planned run, by the run's name
    - `refused`: the name (or the overrides) and the reason of each refused combination, by its overrides
    - `why`: why the manifest cannot be read; empty if it can
    """

    file: Path
    planned: float = 0.0
    runs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Mapping[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)
    why: str = ""

    @property
    def name(self) -> str:
        """The name for `byzdl runs forget`."""
        return self.file.stem

    @property
    def time(self) -> str:
        """When it was planned, in local time."""
        return datetime.fromtimestamp(self.planned).isoformat(" ", timespec="minutes")


def sweeps(folder: Path) -> list[Sweep]:
    """Reads all manifests of a folder, in the order of their planning.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     run = '{"name": "a", "overrides": ["seed=0"], "refused": null}'
    ...     _ = Path(folder, "sweep-1.json").write_text('{"schema": 3, "runs": [%s]}' % run)
    ...     [(sweep.name, sweep.runs) for sweep in sweeps(Path(folder))]
    [('sweep-1', {'a': ('seed=0',)})]
    """
    found = [_sweep(file) for file in sorted(folder.glob("sweep-*.json"))]
    return sorted(found, key=lambda sweep: sweep.planned)


def asked(overrides: Sequence[Sequence[str]]) -> str:
    """Sums up the overrides of many runs on one line.

    >>> asked([["attack=max", f"seed={seed}"] for seed in range(100, 300)])
    'attack=max seed=100,101,102,...,299'
    """
    values: dict[str, dict[str, None]] = {}
    for combination in overrides:
        for override in combination:
            key, _, value = override.partition("=")
            values.setdefault(key, {})[value] = None
    return " ".join(f"{key}={','.join(_few(list(each)))}" for key, each in values.items())


def _few(values: list[str]) -> list[str]:
    return values if len(values) <= MANY else [*values[: MANY // 2], "...", values[-1]]


def _sweep(file: Path) -> Sweep:
    try:
        entries = _entries(file)
        planned = os.stat(file).st_mtime
    except AnalysisError as error:
        return Sweep(file, why=str(error))
    except OSError:  # removed meanwhile
        return Sweep(file)
    runs: dict[str, tuple[str, ...]] = {}
    refused: dict[tuple[str, ...], tuple[str, str]] = {}
    for entry in entries:
        overrides, name, why = tuple(entry["overrides"]), entry["name"], entry["refused"]
        if why:
            refused[overrides] = (name or " ".join(overrides), " ".join(why.split()))
        else:
            runs[name] = overrides
    return Sweep(file, planned, runs, refused)


def _entries(file: Path) -> list[dict[str, Any]]:
    """Reads the planned combinations.

    **Raises:** `AnalysisError` if the manifest is not as byzdl writes it.
    """
    entries = record(file).get("runs")
    if not isinstance(entries, list):
        raise AnalysisError(f"{file}: has no list of runs")
    if wrong := [number for number, entry in enumerate(entries) if not _is_entry(entry)]:
        raise AnalysisError(f"{file}: runs[{wrong[0]}] must be a name, a list of overrides, and a reason if refused")
    return entries


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not entry.keys() >= {"name", "overrides", "refused"}:
        return False
    name, overrides, refused = entry["name"], entry["overrides"], entry["refused"]
    return (
        isinstance(overrides, list)
        and all(isinstance(override, str) for override in overrides)
        and (refused is None or isinstance(refused, str))
        and ((isinstance(name, str) and "\0" not in name) or (name is None and bool(refused)))
    )
