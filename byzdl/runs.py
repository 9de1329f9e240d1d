"""A run's folder: its rows, its status, its configuration. Knows nothing of models."""

import csv
import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import yaml

# The version of the columns below. Analysis refuses those that it doesn't know.
SCHEMA_VERSION = 1

ROUND_COLUMNS = (
    "round",
    "epoch",
    "accuracy_mean",
    "accuracy_worst",
    "accuracy_std",
    "loss_mean",
    "consensus_distance",
    "byzantine_accept_rate",
    "benign_accept_rate",
    "byzantine_weight",
    "alone_rate",
    "fallback_rate",
    "theta_mean",
    "seconds",
)

NODE_COLUMNS = (
    "round",
    "node",
    "accuracy",
    "loss",
    "theta",
    "byzantine_accepted",
    "benign_accepted",
    "neighbours",
    "byzantine_neighbours",
)

FILES = ("config.yaml", "rounds.csv", "nodes.csv")

Row = Mapping[str, int | float | str | None]


class RunFolder:
    """Where one run is written.

    `run.json` says how it stands: `running`, `done` or `failed`. A folder that says
    `running` while no process writes to it was interrupted.
    """

    def __init__(self, path: Path, identity: str):
        self.path = path
        self.identity = identity
        self._clock = (time.perf_counter(), time.process_time())
        self._facts: dict[str, Any] = {}
        self._files: list[TextIOWrapper] = []

    def start(self, config: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Begin anew: the configuration, the facts known by now, and two empty tables."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._facts = {"started": _now(), "pid": os.getpid(), "host": platform.node(), **facts}
        self._status("running")  # first, so that whatever is found here later is known to be ours
        _write(self.path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False))
        self._rounds = self._table("rounds.csv", ROUND_COLUMNS)
        self._nodes = self._table("nodes.csv", NODE_COLUMNS)

    def write(self, round_row: Row, node_rows: Sequence[Row]) -> None:
        """The rows of one evaluation."""
        self._rounds.writerow({**round_row, "seconds": round(time.perf_counter() - self._clock[0], 3)})
        self._nodes.writerows(node_rows)
        for file in self._files:
            file.flush()

    def finish(self, facts: Mapping[str, Any]) -> None:
        """Everything is written; `done` is the last thing said."""
        self._close()
        self._status("done", **facts)

    def fail(self, error: str) -> None:
        """Say why there is no result, unless the folder holds one. What was written before stays."""
        self._close()
        try:
            if is_done(self.path, self.identity):
                return
        except FileExistsError:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        self._status("failed", error=error)

    def _status(self, status: str, **more: Any) -> None:
        wall, cpu = self._clock
        facts = {
            "schema": SCHEMA_VERSION,
            "identity": self.identity,
            "status": status,
            **self._facts,
            **more,
            "wall_seconds": round(time.perf_counter() - wall, 3),
            "cpu_seconds": round(time.process_time() - cpu, 3),
        }
        _write(self.path / "run.json", json.dumps(facts, indent=2) + "\n")

    def _table(self, name: str, columns: Sequence[str]) -> "csv.DictWriter[str]":
        file = open(self.path / name, "w", newline="", encoding="utf-8")  # noqa: SIM115 - closed by finish or fail
        self._files.append(file)
        # repr, which csv uses for floats, reads back exactly; None becomes an empty cell.
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        return table

    def _close(self) -> None:
        for file in self._files:
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
    """Whole or not at all: written aside, then renamed."""
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, file)
