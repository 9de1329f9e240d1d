"""Whole sweeps of small runs, from the command to its end: planning, the start of every run, its rounds, its files.

- The sweep of `make figures`, with one of its three seeds and one of its three Byzantine rates: 14 runs of 300 rounds.
- A sample of the 8820 runs of the leaderboard, the same for every commit. To compose a run costs more here, because its
  choices are seldom those of another run. In the leaderboard ten runs share them.

Runs on Linux only.
"""

import ctypes
import hashlib
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from benchmarks.comparison import compared
from benchmarks.timing import Worker, interleaved
from benchmarks.trees import ROOT, Tree
from benchmarks.work import Step
from byzdl.sweeping.combinations import composer
from byzdl.sweeping.params import overrides_of

FEWER = ["seed=0", "attack.br=0.3"]  # of the sweep of `make figures`
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h


def measure(repeats: int, count: int, trees: Sequence[Tree]) -> list[dict[str, Any]]:
    """Returns the rows of the table.

    - `count`: runs in the sample of the leaderboard
    """
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        write_sample(Path(temporary), count)
        workers = {
            tree: stack.enter_context(Worker("benchmarks.sweep:steps", tree=tree, folder=temporary)) for tree in trees
        }
        for worker in workers.values():
            worker.step("warm")
        sweeps = {"figures": "make figures, 14 of its 126 runs", "sample": f"leaderboard, {count} of its 8820 runs"}
        timings = interleaved(
            {(name, tree): (worker, name) for name in sweeps for tree, worker in workers.items()}, repeats, warm=0
        )
    return [
        {"part": "sweep", "what": what, **compared({tree: timings[name, tree] for tree in trees})}
        for name, what in sweeps.items()
    ]


def write_sample(folder: Path, count: int) -> None:
    """Writes sample.yaml: the leaderboard's sweep, with the drawn runs as its only cases. More runs include fewer."""
    config: Any = OmegaConf.to_container(OmegaConf.load(ROOT / "sweeps" / "leaderboard.yaml"))
    sweeper = config["hydra"]["sweeper"]
    runs: list[tuple[str, ...]] = []
    for case in sweeper["cases"]:
        with composer([*overrides_of(sweeper["params"]), *overrides_of(case)]) as (_, combinations):
            runs += combinations
    random.Random(0).shuffle(runs)
    cases = [dict(override.split("=", 1) for override in run) for run in runs[:count]]
    config["hydra"]["sweeper"] = {"cases": cases}
    OmegaConf.save(config, folder / "sample.yaml")


def steps(folder: str) -> dict[str, Step]:
    """The two sweeps, one run at a time; and a first sweep of few rounds, which compiles the code and decodes the data."""
    # The processes of a sweep's runs outlive their parent by a moment. Only a reaper learns their time.
    ctypes.CDLL(None).prctl(SUBREAPER, 1)
    figures = ["-cd", "sweeps", "-cn", "default", *FEWER]
    return {
        "warm": partial(_sweep, folder, [*figures, "rounds=1"]),
        "figures": partial(_sweep, folder, figures),
        "sample": partial(_sweep, folder, ["-cd", folder, "-cn", "sample"]),
    }


def _sweep(folder: str, arguments: list[str]) -> Mapping[str, Mapping[str, str]]:
    """Runs the current tree's code, into a new folder within the given one. Returns the bits of its results."""
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        own = [f"hydra.sweep.dir={temporary}", f"dataset.cache={ROOT / 'data' / 'cache'}", "hydra.launcher.jobs=1"]
        command = [sys.executable, "train.py", *arguments, *own]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with suppress(ChildProcessError):
            while True:
                os.wait()
        if done.returncode:
            sys.exit(f"bench: train.py {' '.join(arguments)} ended with code {done.returncode}\n{done.stderr}")
        return {"bits": _bits(Path(temporary))}


def _bits(sweep: Path) -> dict[str, str]:
    """A hash of each table of the runs, apart from the seconds."""
    bits = {}
    for table in sorted(sweep.glob("*/*.csv")):
        content = pd.read_csv(table, dtype=str).drop(columns="seconds", errors="ignore").to_csv()
        bits[str(table.relative_to(sweep))] = hashlib.sha256(content.encode()).hexdigest()
    return bits
