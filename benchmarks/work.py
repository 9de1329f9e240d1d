"""A worker: makes steps once, then does and times whichever is named on a line of its input."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

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
    main(*sys.argv[1:])
