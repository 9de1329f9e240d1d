"""`byzdl status [FOLDER ...]` shows which runs are done, running, failed or missing. It only reads files."""

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

from byzdl.analysis.files import run_record, text
from byzdl.analysis.load import AnalysisError, Run, find
from byzdl.commands.door import door
from byzdl.commands.wanted import wanted
from byzdl.commands.words import counted

ORDER = ("running", "interrupted", "failed", "unreadable", "refused", "missing", "done")
# Nobody can ask another machine whether a process lives. It counts as alive if it wrote within these seconds.
SILENCE = 600.0
# More runs than this without a folder are summed up by their sweeps.
SUMMED, MANY = ("refused", "missing"), 10


@dataclass(frozen=True)
class Standing:
    """The status and the progress of one run.

    - `name`: the run's folder
    - `status`: `running`, `interrupted`, `failed`, `unreadable`, `refused`, `missing` or `done`
    - `round`, `rounds`: the last logged round, and the number of all rounds; None if unknown
    - `speed`: rounds a second; None if unknown
    - `why`: the reason for the status, such as the last error; or empty

    >>> Standing("run", "running", round=40, rounds=100, speed=20.0).left
    3.0
    """

    name: str
    status: str
    round: int | None = None
    rounds: int | None = None
    speed: float | None = None
    why: str = ""

    @property
    def left(self) -> float | None:
        """Seconds left, at the speed so far; None if unknown."""
        if self.status != "running" or not self.speed or self.round is None or self.rounds is None:
            return None
        return (self.rounds - self.round) / self.speed


def standings(*folders: Path) -> list[Standing]:
    """Lists the runs of folders, and those that their sweeps planned, but no superseded ones.

    **Raises:** `AnalysisError` if there is no run.
    """
    return [_standing(run) for run in find(*folders) if run.status != "superseded"]


def _standing(run: Run) -> Standing:
    if run.status in ("missing", "refused", "unreadable"):
        return Standing(run.name, run.status, why=run.why)
    alive = run.status == "interrupted" and is_alive(run.folder)
    status, why = ("running", "") if alive else (run.status, run.why if run.status == "failed" else "")
    return Standing(run.name, status, *_progress(run), why)


def _progress(run: Run) -> tuple[int | None, int | None, float | None]:
    """The last logged round, the number of all rounds, and rounds a second; None each if unknown."""
    try:
        rounds = int(run.config["rounds"])
        lines = text(run.folder / "rounds.csv").splitlines()
        whole = [row for row in csv.DictReader(lines) if row.get("seconds")]
        first, last = whole[0], whole[-1]
        took = float(last["seconds"]) - float(first["seconds"])
        done = int(last["round"])
        return done, rounds, done / took if took > 0 else None
    except (OSError, ValueError, KeyError, IndexError, TypeError, csv.Error):
        return None, None, None  # The run has not begun, or is just writing.


def is_alive(folder: Path) -> bool:
    """Tells whether a process computes the run of this folder, as far as its files tell."""
    try:
        facts = run_record(folder)
    except AnalysisError:
        return False
    pid = facts.get("pid")
    if facts.get("host") == platform.node() and isinstance(pid, int) and 0 < pid < 2**31:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    files = [folder / name for name in ("run.json", "rounds.csv", "checkpoint")]
    latest = max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
    return abs(time.time() - latest) < SILENCE  # Absolute, since a clock may have been set back.


def table(found: Sequence[Standing]) -> str:
    """Formats a line with all counts, and a line for each run that is not done.

    >>> print(table([Standing("a", "done"), Standing("b", "running", round=40, rounds=100, speed=20.0)]))
    2 runs: 1 running, 1 done
      running      b  round 40 of 100 (40%)  20 rounds/s  3 s left
    longest time left: 3 s
    """
    counts = Counter(one.status for one in found)
    lines = [f"{counted(len(found), 'run')}: " + ", ".join(f"{counts[s]} {s}" for s in ORDER if counts[s])]
    left = [one.left for one in found if one.left is not None]
    shown: Counter[str] = Counter()
    for one in sorted(found, key=lambda one: (ORDER.index(one.status), one.name)):
        shown[one.status] += 1
        if one.status == "done" or (one.status in SUMMED and shown[one.status] > MANY):
            continue
        parts = [f"  {one.status:11s} {one.name}"]
        if one.round is not None and one.rounds:
            parts.append(f"round {one.round} of {one.rounds} ({one.round / one.rounds:.0%})")
        if one.speed is not None and one.status == "running":
            parts.append(f"{one.speed:.3g} rounds/s")
        if one.left is not None:
            parts.append(f"{_duration(one.left)} left")
        lines.append("  ".join([*parts, *([one.why] if one.why else [])]))
    lines += [f"  {s:11s} and {shown[s] - MANY} more" for s in SUMMED if shown[s] > MANY]
    if left:
        lines.append(f"longest time left: {_duration(max(left))}")
    return "\n".join(lines)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the table of folders, once or repeatedly.

    **Raises:** `SystemExit` with one line if a folder cannot be read.
    """
    parser = argparse.ArgumentParser(prog="byzdl status", description=__doc__)
    parser.add_argument("folders", nargs="*", default=[Path("outputs")], type=Path, metavar="FOLDER")
    parser.add_argument(
        "--watch",
        nargs="?",
        const=2.0,
        type=seconds,
        metavar="SECONDS",
        help="repeat at this interval (default: 2) until Ctrl-C",
    )
    options = parser.parse_args(arguments)
    try:
        while options.watch is not None:
            print(f"\x1b[H\x1b[2J{_now(options.folders)}", flush=True)
            time.sleep(options.watch)
        print(_shown(options.folders))
    except AnalysisError as error:
        sys.exit(f"byzdl: {error}")
    except KeyboardInterrupt:
        return


def seconds(text: str) -> float:
    """Parses an interval.

    **Raises:** `ValueError` if it is negative, infinite or no number.

    >>> seconds("0.5")
    0.5
    """
    value = float(text)
    if not 0 <= value < math.inf:
        raise ValueError
    return value


def _shown(folders: Sequence[Path]) -> str:
    """The table of folders, and what their sweeps want."""
    found = standings(*folders)
    return "\n".join([table(found), *wanted({one.name: one.status for one in found}, folders)])


def _now(folders: Sequence[Path]) -> str:
    """The same, or a message while a folder has no runs yet."""
    try:
        return _shown(folders)
    except AnalysisError as error:
        if not all(folder.is_dir() for folder in folders):
            raise
        return str(error)


if __name__ == "__main__":
    with door():
        main()
