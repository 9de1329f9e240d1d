"""A run's log, where Hydra does not write it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Writes what byzdl logs to run.log in a run's folder, in the form of a run on the command line."""
    log = logging.getLogger("byzdl")
    path.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path / "run.log", delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()
        with suppress(OSError):
            path.rmdir()  # empty, where nothing was computed
