"""`byzdl status [FOLDER]`: how the runs of a sweep stand. Reads files alone and disturbs nothing."""

import argparse
import csv
import math
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from byzdl.analysis.load import AnalysisError, Run, find
from byzdl.runs.folder import read_status

ORDER = ("running", "interrupted", "failed", "unreadable", "refused", "missing", "done")
# A process on another machine cannot be asked whether it lives: it does if it wrote within this time.
SILENCE = 600.0


@dataclass(frozen=True)
class Standing:
    """How one run stands.

    - `status`: `running`, `interrupted`, `failed`, `unreadable`, `refused`, `missing` or `done`
    - `round`, `rounds`: rounds logged, and in all; None where it isn't known
    - `speed`: rounds a second
    - `why`: the last error, or what there is to say
    """

    name: str
    status: str
    round: int | None = None
    rounds: int | None = None
    speed: float | None = None
    why: str = ""

    @property
    def left(self) -> float | None:
        """Seconds left, at the speed so far."""
        if self.status != "running" or not self.speed or self.round is None or self.rounds is None:
            return None
        return (self.rounds - self.round) / self.speed


def standings(folder: Path) -> list[Standing]:
    """All runs of a folder that count, and those that its sweeps planned.

    **Raises:** `AnalysisError` where there is no run.
    """
    return [_standing(run) for run in find(folder) if run.status != "superseded"]


def _standing(run: Run) -> Standing:
    if run.status in ("missing", "refused", "unreadable"):
        return Standing(run.name, run.status, why=run.why)
    alive = run.status == "interrupted" and _is_alive(run.folder)
    status, why = ("running", "") if alive else (run.status, run.why if run.status == "failed" else "")
    return Standing(run.name, status, *_progress(run.folder), why)


def _progress(folder: Path) -> tuple[int | None, int | None, float | None]:
    """The last round that was logged, the rounds in all, and rounds a second."""
    try:
        with (folder / "rounds.csv").open(newline="", encoding="utf-8") as lines:
            whole = [row for row in csv.DictReader(lines) if row.get("seconds")]
        rounds = int(yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))["rounds"])
        first, last = whole[0], whole[-1]
        took = float(last["seconds"]) - float(first["seconds"])
        done = int(last["round"])
        return done, rounds, done / took if took > 0 else None
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None, None, None  # not begun, or just being written


def _is_alive(folder: Path) -> bool:
    facts = read_status(folder)
    pid = facts.get("pid")
    if facts.get("host") == platform.node() and isinstance(pid, int):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    files = [folder / name for name in ("run.json", "rounds.csv", "checkpoint")]
    latest = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    return abs(time.time() - latest) < SILENCE  # either way: a clock may have been set back


def table(found: Sequence[Standing]) -> str:
    """One line in all, and one a run that isn't done."""
    counts = Counter(one.status for one in found)
    lines = [f"{len(found)} runs: " + ", ".join(f"{counts[s]} {s}" for s in ORDER if counts[s])]
    left = [one.left for one in found if one.left is not None]
    for one in sorted(found, key=lambda one: (ORDER.index(one.status), one.name)):
        if one.status == "done":
            continue
        told = [f"  {one.status:11s} {one.name}"]
        if one.round is not None and one.rounds:
            told.append(f"round {one.round} of {one.rounds} ({one.round / one.rounds:.0%})")
        if one.speed is not None and one.status == "running":
            told.append(f"{one.speed:.3g} rounds/s")
        if one.left is not None:
            told.append(f"{_duration(one.left)} left")
        lines.append("  ".join([*told, *([one.why] if one.why else [])]))
    if left:
        lines.append(f"the longest of those that run needs {_duration(max(left))} more")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how things stand, once or again and again.

    **Raises:** `SystemExit` with one line where the folder cannot be read.
    """
    parser = argparse.ArgumentParser(prog="byzdl status", description=__doc__)
    parser.add_argument("folder", nargs="?", default=Path("outputs"), type=Path, metavar="FOLDER")
    parser.add_argument(
        "--watch",
        nargs="?",
        const=2.0,
        type=seconds,
        metavar="SECONDS",
        help="show again every so many (2), until Ctrl-C",
    )
    options = parser.parse_args(arguments)
    try:
        while options.watch is not None:
            print(f"\x1b[H\x1b[2J{_now(options.folder)}", flush=True)
            time.sleep(options.watch)
        print(table(standings(options.folder)))
    except AnalysisError as error:
        sys.exit(f"byzdl: {error}")
    except KeyboardInterrupt:
        return


def seconds(text: str) -> float:
    """An interval to wait for."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def _now(folder: Path) -> str:
    """The table, or what stands in its place until there are runs in the folder."""
    try:
        return table(standings(folder))
    except AnalysisError as error:
        if not folder.is_dir():
            raise
        return str(error)
