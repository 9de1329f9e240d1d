"""Times steps in separate processes. All steps take turns, so that a busy moment of the machine affects all alike."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeVar

from benchmarks.trees import HERE, ROOT, Tree

K = TypeVar("K")


@dataclass
class Timing:
    """The CPU and wall seconds of every repeat, and the step's last answer."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, float | int]:
        return {
            "cpu_min": min(self.cpu),
            "cpu_median": median(self.cpu),
            "wall_min": min(self.wall),
            "wall_median": median(self.wall),
            "repeats": len(self.cpu),
        }

    def share(self, count: int) -> "Timing":
        """The timing of one of the `count` equal things in a step."""
        return Timing([t / count for t in self.cpu], [t / count for t in self.wall], self.said)


class Worker:
    """Starts a process that makes steps (see `benchmarks.work`) and times each.

    - `make`: the function that makes the steps, as `module:function`
    - `python`: the interpreter
    - `tree`: where the process finds byzdl; the benchmarks are those of this tree
    - `arguments`: of the function
    """

    def __init__(self, make: str, python: str = sys.executable, tree: Tree = HERE, **arguments: Any):
        self.make = make
        command = [python, "-m", "benchmarks.work", str(tree.folder), make, json.dumps(arguments)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def step(self, name: str) -> dict[str, Any]:
        """Does a step. Returns the seconds `cpu` and `wall`, and the step's answer, `said`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answer = ""
        with suppress(BrokenPipeError):  # The process has ended.
            print(name, file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"bench: {self.make} ended in step {name}")
        return dict(json.loads(answer))

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def interleaved(steps: Mapping[K, tuple[Worker, str]], repeats: int, warm: int = 1) -> dict[K, Timing]:
    """Does every step `repeats` times, in turn, after `warm` rounds that do not count."""
    timings = {key: Timing() for key in steps}
    for repeat in range(-warm, repeats):
        for key, (worker, name) in steps.items():
            took = worker.step(name)
            if repeat >= 0:
                timings[key].cpu.append(took["cpu"])
                timings[key].wall.append(took["wall"])
                timings[key].said = took["said"]
        print(".", end="", file=sys.stderr, flush=True)
    return timings
