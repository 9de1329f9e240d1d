"""Says which sweeps want the runs that are missing from a folder."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from byzdl.analysis.load import distinct
from byzdl.analysis.sweeps import Sweep, asked, sweeps
from byzdl.commands.words import counted


def wanted(statuses: Mapping[str, str], folders: Sequence[Path]) -> list[str]:
    """Says which sweeps want missing runs, what each asked for, and how to forget it: two lines a sweep.

    - `statuses`: of the runs of these folders, by the names that `byzdl.analysis.find` gives them

    >>> wanted({"a": "done"}, [Path("nowhere")])
    []
    """
    lines = []
    for folder in (places := distinct(folders)):
        where = f"{folder}/" if len(places) > 1 else ""
        for sweep in sweeps(folder):
            lines += _told(sweep, where, {name: statuses.get(where + name, "") for name in _names(sweep)})
    return lines


def _names(sweep: Sweep) -> list[str]:
    return [*sweep.runs, *(name for name, _ in sweep.refused.values())]


def _told(sweep: Sweep, where: str, statuses: Mapping[str, str]) -> list[str]:
    command = shlex.join(["byzdl", "runs", "forget", str(sweep.file.parent), sweep.name])
    if sweep.why:
        return [f"{where}{sweep.name} cannot be read", f"  to forget it: {command}"]
    missing = [overrides for name, overrides in sweep.runs.items() if statuses[name] == "missing"]
    refused = [overrides for overrides, (name, _) in sweep.refused.items() if statuses[name] == "refused"]
    wants = [f"wants {counted(len(missing), 'missing run')}: {asked(missing)}"] if missing else []
    had = [f"had {counted(len(refused), 'combination')} refused: {asked(refused)}"] if refused else []
    if not wants and not had:
        return []
    compute = "to compute them: the same command again; " if wants else ""
    told = f"{where}{sweep.name}, planned {sweep.time}, {'; it '.join([*wants, *had])}"
    return [told, f"  {compute}to forget them: {command}"]
