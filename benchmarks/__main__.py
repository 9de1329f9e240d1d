"""Runs all measurements, and writes one table to the screen and to a CSV file."""

import argparse
import platform
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks import decisions, rounds, rules, scaling, startup
from byzdl.pipe import reader
from byzdl.simulation.processor import prepare

COLUMNS = ["part", "what", "cpu_min", "cpu_median", "wall_min", "wall_median", "repeats", "ratio", "note"]


def main() -> None:
    """Measures the given parts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", help="rounds, rules, decisions, scaling or startup (default: all)")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--byzfl", help="the Python of an environment with byzfl; without it, rules are left out")
    parser.add_argument("--csv", type=Path, default=Path("outputs/bench.csv"))
    asked = parser.parse_args()
    r, t, d = asked.repeats, asked.threads, asked.device
    sizes = (10,) if d == "cpu" else (10, 100)
    parts: dict[str, Callable[[], Iterable[dict[str, Any]]]] = {
        "rounds": lambda: [row for n in sizes for row in rounds.measure(r, t, d, n)],
        "rules": lambda: rules.measure(r, t, asked.byzfl) if asked.byzfl else [],
        "decisions": decisions.measure,
        "scaling": lambda: scaling.measure(min(r, 5), t, d),
        "startup": lambda: startup.measure(r),
    }
    if unknown := set(asked.parts) - set(parts):
        parser.error(f"parts is {' '.join(sorted(unknown))}, but must be of {', '.join(parts)}")
    prepare(t)
    rows: list[dict[str, Any]] = []
    asked.csv.parent.mkdir(parents=True, exist_ok=True)
    for name in asked.parts or parts:
        rows += parts[name]()
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
