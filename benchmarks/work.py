"""A worker: makes steps once. For each line of its input, it then does and times the step of that name."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from byzdl.pipe import reader

Step = Callable[[], Mapping[str, Any] | None]


def main(make: str, arguments: str) -> None:
    module, _, function = make.partition(":")
    steps: dict[str, Step] = getattr(import_module(module), function)(**json.loads(arguments))
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        said = steps[line.strip()]()
        took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "said": said or {}}
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    with reader():
        main(*sys.argv[1:])
