"""The time from a command to its first round, and the time of a sweep of finished runs."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.timing import Timing
from benchmarks.trees import ROOT

SWEEP = ["-m", "defense=local,mean", "attack.br=0.1,0.2,0.3,0.4,0.5", "seed=0,1,2,3,4,5,6,7,8,9"]


def measure(repeats: int) -> list[dict[str, Any]]:
    """Returns the rows of the table."""
    cold, cached, done = Timing(), Timing(), Timing()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        cache = f"dataset.cache={folder}/cache"
        sweep = [*SWEEP, "rounds=1", cache, f"hydra.sweep.dir={folder}/sweep"]
        _run(Timing(), sweep)
        for repeat in range(repeats):
            shutil.rmtree(folder / "cache")
            for name, timing in (("cold", cold), ("cached", cached)):
                run = folder / f"{name}-{repeat}"
                _run(
                    timing, ["rounds=1000000", "eval_every=1", cache, f"hydra.run.dir={run}"], until=run / "rounds.csv"
                )
            _run(done, sweep)
            print(".", end="", file=sys.stderr, flush=True)
    named = {
        "from the command to the first round, nothing decoded yet": cold,
        "from the command to the first round, data in the cache": cached,
        "a sweep of 100 finished runs": done,
    }
    return [{"part": "start-up", "what": what, **timing.row()} for what, timing in named.items()]


def _run(timing: Timing, arguments: list[str], until: Path | None = None) -> None:
    """Times a command until it ends, or until its first round is in a file."""
    start, before = time.perf_counter(), os.times()
    with subprocess.Popen(
        [sys.executable, "train.py", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as command:
        if until is not None:
            while command.poll() is None and not (until.exists() and "\n1," in until.read_text()):
                time.sleep(0.01)
            command.kill()
        code = command.wait()
    timing.wall.append(time.perf_counter() - start)
    after = os.times()
    timing.cpu.append(
        after.children_user - before.children_user + after.children_system - before.children_system,
    )
    if code != (0 if until is None else -signal.SIGKILL):
        raise SystemExit(f"bench: train.py {' '.join(arguments)} ended with code {code}")
