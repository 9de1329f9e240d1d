"""Runs the measurements, and writes one table to the screen and to a CSV file.

    python -m benchmarks                                       all parts, of this working tree
    python -m benchmarks rounds startup                        some parts
    python -m benchmarks small sweep --against COMMIT          beside another commit, step by step in turn
    python -m benchmarks sweep --sample 200                    with more runs of the leaderboard

Beside another commit, a row holds the times of this working tree, uncommitted changes included. Its ratio is this tree's
minimum divided by the commit's. Its note has the commit's minimum (median), and tells whether both computed the same bits.
"""

import argparse
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import decisions, folders, rounds, rules, scaling, small, startup, sweep
from benchmarks.trees import Tree, beside
from byzdl.pipe import reader
from byzdl.simulation.processor import prepare

COLUMNS = ["part", "what", "cpu_min", "cpu_median", "wall_min", "wall_median", "repeats", "ratio", "note"]

Part = Callable[[argparse.Namespace, Sequence[Tree]], Iterable[dict[str, Any]]]

PARTS: dict[str, Part] = {
    "rounds": lambda asked, trees: [
        row
        for n in ((10,) if asked.device == "cpu" else (10, 100))
        for row in rounds.measure(asked.repeats, asked.threads, asked.device, n, trees)
    ],
    "small": lambda asked, trees: small.measure(asked.repeats, asked.threads, trees),
    "sweep": lambda asked, trees: sweep.measure(min(asked.repeats, 3), asked.sample, trees),
    "rules": lambda asked, _: rules.measure(asked.repeats, asked.threads, asked.byzfl) if asked.byzfl else [],
    "decisions": lambda *_: decisions.measure(),
    "scaling": lambda asked, _: scaling.measure(min(asked.repeats, 5), asked.threads, asked.device),
    "startup": lambda asked, _: startup.measure(asked.repeats),
    "folders": lambda *_: folders.measure(5000),
}
COMPARING = ("rounds", "small", "sweep")


def main() -> None:
    """Measures the given parts."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)} (default: all; with --against, all that compare)")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--against", metavar="COMMIT", help=f"time this commit as well, in turn, and compare: {', '.join(COMPARING)}"
    )
    parser.add_argument(
        "--sample", type=int, default=40, help="runs of the leaderboard in part sweep; 200 for good numbers"
    )
    parser.add_argument("--byzfl", help="the Python of an environment with byzfl; without it, rules are left out")
    parser.add_argument("--csv", type=Path, default=Path("outputs/bench.csv"))
    asked = parser.parse_args()
    known = COMPARING if asked.against else tuple(PARTS)
    if unknown := set(asked.parts) - set(known):
        parser.error(f"parts is {' '.join(sorted(unknown))}, but must be of {', '.join(known)}")
    d, t = asked.device, asked.threads
    prepare(t)
    rows: list[dict[str, Any]] = []
    asked.csv.parent.mkdir(parents=True, exist_ok=True)
    with beside(asked.against) as trees:
        for name in asked.parts or known:
            rows += PARTS[name](asked, trees)
            table = pd.DataFrame(rows, columns=COLUMNS)
            table.assign(machine=machine(d, t)).to_csv(asked.csv, index=False)  # now, in case a later part fails
    print(
        f"\n{machine(d, t)}\nseconds; ratio: to the part's first line, or to the line of the comparison\n",
        file=sys.stderr,
    )
    shown = table[COLUMNS].astype(object).where(table[COLUMNS].notna(), "")
    print(shown.to_markdown(index=False, floatfmt=".4g"))


def machine(device: str, threads: int) -> str:
    """Names the processor, its features, and the versions in use."""
    name = torch.cuda.get_device_name(device) if device != "cpu" else _processor()
    features = torch.backends.cpu.get_cpu_capability()
    return f"{name} ({features}), {threads} thread(s), Python {platform.python_version()}, torch {version('torch')}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    with reader():
        main()
