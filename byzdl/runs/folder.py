"""The folder of a run: its tables, status, configuration and lock. Knows nothing of models."""

import csv
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from filelock import FileLock, Timeout

from byzdl.config.columns import SCHEMA_VERSION, TABLES, Row
from byzdl.files import replace_file

FILES = ("config.yaml", *TABLES)
LOCK = ".lock"
IMPATIENT = "BYZDL_IMPATIENT"  # set in a process that must not wait for a run of another process
Columns = Mapping[str, Sequence[str]]


class BusyError(RuntimeError):
    """Another process computes this run."""


class Mark(NamedTuple):
    """A moment of a run: the size of each table in bytes, and the seconds used so far, of wall and of CPU time."""

    sizes: tuple[int, ...]
    wall: float
    cpu: float


class RunFolder:
    """Writes one run: start, rows, finish or fail.

    The status in `run.json` is `running`, `done` or `failed`. A run was interrupted if its status is `running` and no
    process holds its lock.

    - `path`: the folder
    - `identity`: the identity of the run's configuration

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as path:
    ...     folder = RunFolder(Path(path), "abc")
    ...     with folder.locked(patient=False):
    ...         folder.start({"rounds": 1}, {"seed": 0})
    ...         folder.write({"round": 0, "accuracy_mean": 0.1}, [], [])
    ...         folder.finish({"accuracy_mean": 0.1})
    ...     is_done(Path(path), "abc")
    True
    """

    def __init__(self, path: Path, identity: str):
        self.path = path
        self.identity = identity
        self._clock = (time.perf_counter(), time.process_time())
        self._facts: dict[str, Any] = {}
        self._files: list[TextIOWrapper] = []

    @property
    def checkpoint(self) -> Path:
        """The file of the run's state, until the run is done."""
        return self.path / "checkpoint"

    @contextmanager
    def locked(self, patient: bool) -> Iterator[None]:
        """Locks the run for this process. The system frees the lock when the process ends, however it ends.

        - `patient`: whether to wait for another process that holds the lock

        **Raises:** `BusyError` if another process holds the lock, unless `patient`.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / LOCK, timeout=-1 if patient else 0):
                try:
                    yield
                finally:
                    self._close()
        except Timeout:
            raise BusyError(f"another process computes {self.path}") from None

    def start(
        self, config: Mapping[str, Any], facts: Mapping[str, Any], mark: Mark | None = None, columns: Columns = TABLES
    ) -> None:
        """Writes the configuration and the known facts, and opens the tables.

        - `mark`: where to cut the tables; without one, they start empty
        - `columns`: of each table, by its name
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for half_written in self.path.glob(".*.[0-9]*"):  # left by a process that was killed
            half_written.unlink()
        if mark:
            self._clock = (self._clock[0] - mark.wall, self._clock[1] - mark.cpu)
        self._facts = {"started": _now(), "pid": os.getpid(), "host": platform.node(), **facts}
        self._status("running")  # first, so that any later file here is known to be a run's
        _write(self.path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False))
        sizes = mark.sizes if mark else [None] * len(TABLES)
        self._tables = [self._table(name, columns[name], size) for name, size in zip(TABLES, sizes, strict=True)]

    def write(self, round_row: Row, node_rows: Sequence[Row], edge_rows: Sequence[Row]) -> None:
        """Writes the rows of one evaluation."""
        parts = ([{**round_row, "seconds": round(self._seconds[0], 3)}], node_rows, edge_rows)
        for table, rows in zip(self._tables, parts, strict=True):
            table.writerows(rows)
        for file in self._files:
            file.flush()

    def mark(self) -> Mark:
        """Flushes the tables to the disk, and returns their sizes and the seconds used."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        return Mark(tuple(os.fstat(file.fileno()).st_size for file in self._files), *self._seconds)

    def reaches(self, mark: Mark) -> bool:
        """Tells whether every table is at least as long as at the mark."""
        sizes = zip(TABLES, mark.sizes, strict=True)
        return all((file := self.path / name).is_file() and file.stat().st_size >= size for name, size in sizes)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Writes the status `done`, after everything else is on the disk, and removes the checkpoint."""
        self.mark()
        self._close()
        self._status("done", **facts)
        self.checkpoint.unlink(missing_ok=True)

    def fail(self, error: str) -> None:
        """Writes the status `failed` and the error, and leaves the rows as they are.

        Writes nothing if the folder holds a result, or if another process computes it. On a full disk the status stays
        `running`, as if the run had been interrupted.
        """
        self._close()
        with suppress(BusyError, OSError):
            if not is_done(self.path, self.identity):
                with self.locked(patient=False):
                    self._status("failed", error=error)

    @property
    def _seconds(self) -> tuple[float, float]:
        """Wall and CPU seconds used by the run so far, earlier processes included."""
        wall, cpu = self._clock
        return time.perf_counter() - wall, time.process_time() - cpu

    def _status(self, status: str, **more: Any) -> None:
        wall, cpu = self._seconds
        facts = {
            "schema": SCHEMA_VERSION,
            "identity": self.identity,
            "status": status,
            **self._facts,
            **more,
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(cpu, 3),
        }
        _write(self.path / "run.json", json.dumps(facts, indent=2) + "\n")

    def _table(self, name: str, columns: Sequence[str], keep: int | None) -> "csv.DictWriter[str]":
        binary = open(self.path / name, "wb" if keep is None else "r+b")  # noqa: SIM115 - closed with the lock
        file = TextIOWrapper(binary, encoding="utf-8", newline="")
        self._files.append(file)
        # csv writes floats by repr, which reads back exactly, and None as an empty cell.
        table = csv.DictWriter(file, columns, lineterminator="\n")
        if keep is None:
            table.writeheader()
        else:
            file.truncate(keep)
            file.seek(0, os.SEEK_END)
        return table

    def _close(self) -> None:
        for file in self._files:
            with suppress(OSError):  # A full disk. `mark` has already flushed all rows that count.
                file.close()
        self._files.clear()


def read_status(folder: Path) -> dict[str, Any]:
    """Reads a folder's run.json; an empty record if there is none, or if it cannot be read.

    >>> read_status(Path("no such folder"))
    {}
    """
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def is_done(folder: Path, identity: str) -> bool:
    """Tells whether the folder holds the finished result of the run of this identity.

    **Raises:** `FileExistsError` if it holds another run, or files that belong to no run. Nothing may overwrite them.

    >>> is_done(Path("no such folder"), "abc")
    False
    """
    facts = read_status(folder)
    status = facts.get("status")
    if status in ("running", "done") and facts.get("identity") != identity:
        raise FileExistsError(f"{folder} holds the run of another configuration ({facts.get('identity')})")
    if not (folder / "run.json").exists() and (found := [name for name in FILES if (folder / name).exists()]):
        raise FileExistsError(f"{folder} holds files that belong to no run ({', '.join(found)})")
    return status == "done"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(file: Path, text: str) -> None:
    replace_file(file, text.encode("utf-8"))
