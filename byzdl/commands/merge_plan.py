"""Decides what a merge copies, what is there already, and what cannot be decided."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from byzdl.analysis.files import AnalysisError, cells
from byzdl.analysis.folders import contents
from byzdl.analysis.load import distinct
from byzdl.analysis.run import Run
from byzdl.commands.status import is_alive
from byzdl.config.columns import TABLES


class Copy(NamedTuple):
    """One run to copy.

    - `origin`: the folder that the user named
    - `run`: the run there
    - `name`: its name in the new folder
    - `is_there`: whether it is in the new folder already, and stays as it is
    """

    origin: Path
    run: Run
    name: str
    is_there: bool = False


@dataclass
class Plan:
    """What a merge does.

    - `copies`: the runs to copy
    - `same`: the folders of runs that another one makes superfluous
    - `left_out`: runs and manifests that are not copied, with the reasons
    - `refused`: a line for each pair of runs that cannot both be kept
    - `sweeps`: the manifests to copy
    - `names`: the name in the new folder of each run, by its old folder
    """

    copies: list[Copy] = field(default_factory=list)
    same: list[Path] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sweeps: list[Path] = field(default_factory=list)
    names: dict[Path, str] = field(default_factory=dict)


def planned(folders: Sequence[Path], into: Path, keep_first: bool) -> Plan:
    """Plans a merge, and writes nothing. See `byzdl.commands.merge.merge`.

    **Raises:** `AnalysisError` if a folder has no run.
    """
    plan = Plan()
    kept: dict[str, Copy] = {}  # by the name in the new folder
    by_identity: dict[str, str] = {}
    for copy in _all(folders, into, plan):
        rival = kept.get(by_identity.get(copy.run.identity, copy.name))
        if rival is None and (into / copy.name).exists() and not copy.is_there:
            plan.refused.append(f"  {copy.name}: {into / copy.name} is there, but is no run")
            continue
        if rival is not None:
            first, why = _first(rival, copy, keep_first)
            if why:
                plan.refused.append(f"  {copy.name}: {why}")
                continue
            plan.same.append((copy if first is rival else rival).run.folder)
            plan.names[copy.run.folder] = rival.name
            copy = first._replace(name=rival.name)
        kept[copy.name] = copy
        plan.names[copy.run.folder] = copy.name
        by_identity.setdefault(copy.run.identity or copy.name, copy.name)
    plan.copies = [copy for copy in kept.values() if not copy.is_there]
    return plan


def _all(folders: Sequence[Path], into: Path, plan: Plan) -> Iterator[Copy]:
    """Yields the runs of `into`, and then those of each folder that can be copied. Notes the others in the plan."""
    target = into.resolve()
    if is_filled(into):
        yield from (Copy(into, run, name, is_there=True) for name, run in contents(into)[0].items())
    for folder in distinct(folders):
        if folder.resolve() == target:
            continue
        runs, sweeps = contents(folder)
        for name, run in runs.items():
            inside = name or folder.resolve().name
            if why := _why_left_out(run, inside):
                plan.left_out.append((f"{folder / name}", why))
            else:
                yield Copy(folder, run, inside)
        plan.sweeps += [sweep.file for sweep in sweeps if not sweep.why]
        plan.left_out += [(str(sweep.file), sweep.why) for sweep in sweeps if sweep.why]


def is_filled(folder: Path) -> bool:
    """Tells whether a folder has a run or a sweep.

    >>> is_filled(Path("nowhere"))
    False
    """
    try:
        contents(folder)
    except AnalysisError:
        return False
    return True


def _why_left_out(run: Run, name: str) -> str:
    if run.status == "unreadable":
        return run.why
    if run.status == "interrupted" and is_alive(run.folder):
        return "a process computes it"
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return "its sweep put it elsewhere"
    return ""


def _first(rival: Copy, copy: Copy, keep_first: bool) -> tuple[Copy, str]:
    """Decides between two runs of one identity or of one name. The second answer says why it cannot."""
    own, other = rival.run, copy.run
    if own.status == "unreadable":
        return rival, own.why
    if own.identity != other.identity:
        return rival, f"{own.folder} and {other.folder} are runs of different configurations"
    results = own.status == "done", other.status == "done"
    if all(results):
        differs = not keep_first and not _is_same(own, other)
        return rival, f"{own.folder} and {other.folder} have different results" if differs else ""
    later = other.status != "failed" and (own.status == "failed" or own.started < other.started)
    if results[0] or not (results[1] or later):
        return rival, ""
    if rival.is_there:
        why = f"{own.folder} is not finished, {other.folder} is further; byzdl runs rm {copy.name} first"
        return rival, why
    return copy, ""


def _is_same(a: Run, b: Run) -> bool:
    """Tells whether two runs have the same tables, apart from the seconds."""
    if cells(a.folder / "rounds.csv") != cells(b.folder / "rounds.csv"):
        return False
    others = [name for name in TABLES if name != "rounds.csv"]
    return all(_bytes(a.folder / name) == _bytes(b.folder / name) for name in others)


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
