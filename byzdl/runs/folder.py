"""A run's folder: its rows, its status, its configuration, its lock. Knows nothing of models."""

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
IMPATIENT = "BYZDL_IMPATIENT"  # set in a process that shall rather leave a run than wait for it
Columns = Mapping[str, Sequence[str]]


class BusyError(RuntimeError):
    """Another process computes this run."""


class Mark(NamedTuple):
    """How far a run had come at some moment: the bytes of its tables, and the seconds that it had taken."""

    sizes: tuple[int, ...]
    wall: float
    cpu: float


class RunFolder:
    """Where one run is written.

    `run.json` says how it stands: `running`, `done` or `failed`. A folder that says
    `running` while nobody holds its lock was interrupted.
    """

    def __init__(self, path: Path, identity: str):
        self.path = path
        self.identity = identity
        self._clock = (time.perf_counter(), time.process_time())
        self._facts: dict[str, Any] = {}
        self._files: list[TextIOWrapper] = []

    @property
    def checkpoint(self) -> Path:
        """Where the run's state is kept while it runs."""
        return self.path / "checkpoint"

    @contextmanager
    def locked(self, patient: bool) -> Iterator[None]:
        """Hold the run for this process alone; the system frees it when the process ends, however it does.

        **Raises:** `BusyError` if another process holds it, unless `patient`: then it waits.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path / LOCK, timeout=-1 if patient else 0):
                try:
                    yield
                finally:
                    self._close()
        except Timeout:
            raise BusyError(f"{self.path} is being computed by another process") from None

    def start(
        self, config: Mapping[str, Any], facts: Mapping[str, Any], mark: Mark | None = None, more: Columns | None = None
    ) -> None:
        """Begin: the configuration, the facts known by now, and the tables: empty ones, or cut where the mark says.

        - `more`: further columns of tables, by their names
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for half_written in self.path.glob(".*.[0-9]*"):  # by a process that was killed
            half_written.unlink()
        if mark:
            self._clock = (self._clock[0] - mark.wall, self._clock[1] - mark.cpu)
        self._facts = {"started": _now(), "pid": os.getpid(), "host": platform.node(), **facts}
        self._status("running")  # first, so that whatever is found here later is known to be ours
        _write(self.path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False))
        sizes = mark.sizes if mark else [None] * len(TABLES)
        columns = {name: (*own, *(more or {}).get(name, ())) for name, own in TABLES.items()}
        self._tables = [self._table(name, columns[name], size) for name, size in zip(TABLES, sizes, strict=True)]

    def write(self, round_row: Row, node_rows: Sequence[Row], edge_rows: Sequence[Row]) -> None:
        """The rows of one evaluation."""
        parts = ([{**round_row, "seconds": round(self._seconds[0], 3)}], node_rows, edge_rows)
        for table, rows in zip(self._tables, parts, strict=True):
            table.writerows(rows)
        for file in self._files:
            file.flush()

    def mark(self) -> Mark:
        """Where the tables stand; what is in them by now is on the disk."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        return Mark(tuple(os.fstat(file.fileno()).st_size for file in self._files), *self._seconds)

    def reaches(self, mark: Mark) -> bool:
        """Whether the tables hold what they held at the mark."""
        sizes = zip(TABLES, mark.sizes, strict=True)
        return all((file := self.path / name).is_file() and file.stat().st_size >= size for name, size in sizes)

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Everything is written; `done` is the last thing said."""
        self.mark()
        self._close()
        self._status("done", **facts)
        self.checkpoint.unlink(missing_ok=True)

    def fail(self, error: str) -> None:
        """Say why there is no result, unless the folder holds one or somebody computes it. What was written before stays.

        On a disk that takes no more the folder goes on saying `running`, as if the run had been interrupted.
        """
        self._close()
        with suppress(BusyError, OSError):
            if not is_done(self.path, self.identity):
                with self.locked(patient=False):
                    self._status("failed", error=error)

    @property
    def _seconds(self) -> tuple[float, float]:
        """That the run has taken so far, earlier processes included: on the wall, of the processor."""
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
        # repr, which csv uses for floats, reads back exactly; None becomes an empty cell.
        table = csv.DictWriter(file, columns, lineterminator="\n")
        if keep is None:
            table.writeheader()
        else:
            file.truncate(keep)
            file.seek(0, os.SEEK_END)
        return table

    def _close(self) -> None:
        for file in self._files:
            with suppress(OSError):  # a full disk; `mark` has made sure of whatever counts
                file.close()
        self._files.clear()


def read_status(folder: Path) -> dict[str, Any]:
    """A folder's run.json, or an empty record where there is none that can be read."""
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def is_done(folder: Path, identity: str) -> bool:
    """Whether the folder holds this very run's finished result.

    **Raises:** `FileExistsError` if it holds another run, or files of somebody else's, which nothing may overwrite.
    """
    facts = read_status(folder)
    status = facts.get("status")
    if status in ("running", "done") and facts.get("identity") != identity:
        raise FileExistsError(f"{folder} holds another configuration's run ({facts.get('identity')})")
    if not (folder / "run.json").exists() and (found := [name for name in FILES if (folder / name).exists()]):
        raise FileExistsError(f"{folder} holds files that are no run's ({', '.join(found)})")
    return status == "done"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write(file: Path, text: str) -> None:
    replace_file(file, text.encode("utf-8"))
