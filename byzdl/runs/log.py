"""The log of a run that Hydra does not start."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Writes byzdl's log messages to run.log in a run's folder, in the format of a run on the command line.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with logged(Path(folder)):
    ...         logging.getLogger("byzdl").info("continuing")
    ...     (Path(folder) / "run.log").read_text().split()[2:]
    ['INFO', 'continuing']
    """
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
            path.rmdir()  # It is empty if nothing was computed.
