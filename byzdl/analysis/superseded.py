"""Decides which of several runs of one configuration counts."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from byzdl.analysis.labels import scientific
from byzdl.analysis.run import Run
from byzdl.files import checksum


def latest(runs: Iterable[Run]) -> list[Run]:
    """Marks runs as superseded, so that each configuration has at most one result.

    - A run whose code and data are as they are now comes before all others; else the latest started one does.
    - It supersedes the other results of its configuration. If it has no result itself, it supersedes those of other
      versions of byzdl, of the code or of the data: versions are never mixed.

    >>> old, new = (Run(name, "done", started=name) for name in ("2026", "2027"))
    >>> [(run.name, run.status) for run in latest([new, old])]
    [('2027', 'done'), ('2026', 'superseded')]
    """
    groups: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[json.dumps(scientific(run.config), sort_keys=True, default=str)].append(run)
    current = cache(_checksum)
    return [run for group in groups.values() for run in _of_one(group, _as_now(group, current) if group[1:] else set())]


def _of_one(group: Sequence[Run], as_now: set[str]) -> list[Run]:
    """Decides among the runs of one configuration.

    - `as_now`: the names of those whose code and data are as they are now
    """
    counts: Run | None = None
    others: list[Run] = []

    def rank(run: Run) -> tuple[bool, str]:
        return run.name in as_now, run.started

    for run in sorted(group, key=rank):
        if run.status != "done":
            others.append(run)
        if counts and (run.status == "done" or (rank(counts) < rank(run) and counts.identity != run.identity)):
            is_newer = rank(run)[0] == rank(counts)[0]
            why = f"{run.name} {'is newer and has' if is_newer else 'has'} the same configuration"
            why += "" if is_newer else ", with the code and data as they are now"
            others.append(replace(counts, status="superseded", why=why))
            counts = None
        if run.status == "done":
            counts = run
    return [*([counts] if counts else []), *others]


def _as_now(group: Sequence[Run], current: Callable[[str], str | None]) -> set[str]:
    """Names the runs whose code and data are as they are now, wherever those of the group differ.

    None is named if they do not differ, or if the files are not on this machine.
    """
    recorded = {path for run in group for path in run.sources}
    differing = {path for path in recorded if len({run.sources.get(path) for run in group}) > 1}
    return {
        run.name
        for run in group
        if (own := differing & run.sources.keys()) and all(current(path) == run.sources[path] for path in own)
    }


def _checksum(path: str) -> str | None:
    try:
        return checksum(Path(path))
    except (OSError, ValueError):
        return None
