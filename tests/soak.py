"""`make soak`: two sweeps over the same runs at once, killed again and again. In the end every run must be whole, to the byte.

Killed at random moments: a run's process, the server that forks runs, and a sweep (kill -9, and Ctrl-C). A sweep that
ended is started again at once.
"""

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from os import kill
from pathlib import Path

from byzdl.analysis.load import find

ROOT = Path(__file__).resolve().parent.parent
SWEEP = [
    "defense=loss_threshold,ubar,d_krum,d_zeno,mean",
    "attack=max,alie_1.5",
    "attack.br=0.3",
    "seed=0,1,2,3",
    "rounds=800",
    "eval_every=40",
    "checkpoint.every=10",
    "hydra.launcher.jobs=2",
]


class Sweep:
    """A sweep's process and its children."""

    def __init__(self, folder: Path):
        self.command = [sys.executable, str(ROOT / "train.py"), "-m", *SWEEP, f"hydra.sweep.dir={folder}"]
        self.start()

    def start(self) -> None:
        # In a session of its own, which identifies its processes.
        self.process = subprocess.Popen(
            self.command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        )

    def strike(self, chance: random.Random) -> str | None:
        """Kills one of its processes. Returns its kind, or None if there was nothing to kill."""
        children = [pid for pid in _session(self.process.pid) if pid != self.process.pid]
        what = chance.choices(["process of a sweep", "sweep", "sweep by Ctrl-C"], [12, 1, 1])[0]
        if what == "process of a sweep" and not children:
            return None
        pid = chance.choice(children) if what == "process of a sweep" else self.process.pid
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGINT if "Ctrl-C" in what else signal.SIGKILL)
            return what
        return None


def _session(leader: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


def disturb(folder: Path, kills: int, chance: random.Random) -> Counter[str]:
    """Runs two sweeps at once under a number of kills, and then to the end. Counts the kills by kind."""
    struck = Counter[str]()
    sweeps = [Sweep(folder), Sweep(folder)]
    while struck.total() < kills:
        time.sleep(chance.expovariate(1 / 1.2))
        for sweep in sweeps:
            if sweep.process.poll() is not None:
                if all(run.status == "done" for run in find(folder)):
                    print("all runs are done: fewer kills than asked for", file=sys.stderr)
                    kills = 0
                sweep.start()
        if what := chance.choice(sweeps).strike(chance):
            struck[what] += 1
        print(f"\r{struck.total()} kills", end="", file=sys.stderr, flush=True)
    for sweep in sweeps:
        sweep.process.wait()
        sweep.start()
    codes = [sweep.process.wait() for sweep in sweeps]
    print(f"\nthe last two sweeps ended with {codes}", file=sys.stderr)
    struck["last sweeps that failed"] = sum(code != 0 for code in codes)
    return struck


def tables(folder: Path) -> dict[str, tuple[str, ...]]:
    """Maps each run to its tables without seconds."""
    return {
        run.parent.name: (
            "\n".join(line.rpartition(",")[0] for line in (run.parent / "rounds.csv").read_text().splitlines()),
            (run.parent / "nodes.csv").read_text(),
            (run.parent / "edges.csv").read_text(),
        )
        for run in sorted(folder.glob("*/run.json"))
        if json.loads(run.read_text())["status"] == "done"
    }


def main() -> None:
    """Prints a table of kills and findings. The exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="byzdl-soak-"))
    start = time.monotonic()
    whole = Sweep(place / "whole")
    if whole.process.wait():
        sys.exit("soak: the undisturbed sweep failed")
    took = time.monotonic() - start
    struck = disturb(place / "killed", asked.kills, random.Random(asked.seed))
    expected, found = tables(place / "whole"), tables(place / "killed")
    left = [file for run in (place / "killed").glob("*/run.json") for file in run.parent.iterdir()]
    resumed = [(place / "killed" / name / "run.log").read_text().count("continuing after round") for name in found]
    computed = [(place / "killed" / name / "run.log").read_text().count("INFO accuracy") for name in found]
    wrong = {
        "runs lost": len(expected.keys() - found.keys()),
        "runs too many": len(found.keys() - expected.keys()),
        "runs computed to the end twice": sum(count > 1 for count in computed),
        "runs whose bytes differ": sum(found.get(name, expected[name]) != expected[name] for name in expected),
        "files left over": sum(file.name.startswith(("checkpoint", ".r")) for file in left),
        "last sweeps that failed": struck.pop("last sweeps that failed"),
    }
    table = {
        "runs": len(expected),
        **{f"kills of a {what}": count for what, count in struck.items()},
        "times that a run continued from a checkpoint": sum(resumed),
        "seconds, undisturbed": round(took),
        "seconds, disturbed": round(time.monotonic() - start - took),
        **wrong,
    }
    print("\n".join(["| | |", "|:--|--:|", *(f"| {what} | {count} |" for what, count in table.items())]))
    if any(wrong.values()):
        sys.exit(f"soak: something is wrong; see {place}")
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
