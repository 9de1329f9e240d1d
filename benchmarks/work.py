"""A worker: makes steps once. For each line of its input, it then does and times the step of that name."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

Step = Callable[[], Mapping[str, Any] | None]


def enter(tree: str) -> None:
    """Makes the tree the current folder, and the source of byzdl. The benchmarks stay those that run."""
    os.chdir(tree)
    sys.path.insert(0, tree)
    import byzdl

    if (source := Path(byzdl.__file__).parent) != Path(tree) / "byzdl":
        sys.exit(f"bench: byzdl is that of {source}, but must be that of {tree}")


def main(make: str, arguments: str) -> None:
    module, _, function = make.partition(":")
    steps: dict[str, Step] = getattr(import_module(module), function)(**json.loads(arguments))
    for line in sys.stdin:
        cpu, wall = cpu_time(), time.perf_counter()
        said = steps[line.strip()]()
        took = {"cpu": cpu_time() - cpu, "wall": time.perf_counter() - wall, "said": said or {}}
        print(json.dumps(took), flush=True)


def cpu_time() -> float:
    """The CPU seconds of this process, and of all its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    enter(sys.argv[1])
    from byzdl.pipe import reader

    with reader():
        main(*sys.argv[2:])
