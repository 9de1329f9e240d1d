import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from byzdl.config.columns import SCHEMA_VERSION, tables

CONFIG: dict[str, Any] = {
    "attack": {"_target_": "byzdl.attacks.max.Max", "name": "max", "br": 0.3},
    "defense": {"_target_": "byzdl.defenses.ubar.Ubar", "name": "ubar", "alpha": 0.5, "rho": 0.4},
    "topology": {"name": "ring", "n": 10},
    "dataset": {"name": "digits", "cache": "data/cache", "test_samples": None},
    "partition": {"name": "iid", "validation": 0.0},
    "model": {"name": "cnn", "channels": [32, 64]},
    "seed": 0,
    "rounds": 20,
    "optimizer": {"lr": 0.05, "momentum": 0.9},
    "device": "cpu",
    "threads": 1,
}

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outputs"


@pytest.fixture
def write(folder: Path) -> Write:
    return writer(folder)


@pytest.fixture
def plan(folder: Path) -> Callable[..., None]:
    return planner(folder)


def writer(folder: Path) -> Write:
    """Writes a run's folder as byzdl.runs.folder would. Accuracies are by round, one row each 10 rounds, or with
    `rounds` the first and the last; there is one node. Of a regression (`task="regression"`) they are R².
    """

    def write_run(
        *,
        name: str | None = None,
        status: str = "done",
        accuracy: tuple[float, ...] = (0.1, 0.5, 0.9),
        schema: int = SCHEMA_VERSION,
        error: str | None = None,
        started: str = "2025-01-01T00:00:00+00:00",
        rows: list[dict[str, Any]] | None = None,
        sources: dict[str, str] | None = None,
        **changes: Any,
    ) -> Path:
        config = {key: dict(value) if isinstance(value, dict) else value for key, value in CONFIG.items()}
        for key, value in changes.items():
            config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
        score = "r2" if changes.get("task") == "regression" else "accuracy"
        columns = tables(score)
        rows = rows or [
            {
                "round": 10 * i,
                "epoch": i,
                f"{score}_mean": value,
                f"{score}_worst": value / 2,
                "rmse_mean": 90 - 50 * value,
            }
            for i, value in enumerate(accuracy)
        ]
        if "rounds" in changes:
            rows = [rows[0], {**rows[-1], "round": changes["rounds"]}]
        config["rounds"] = max(row["round"] for row in rows)
        run = folder / (name or f"run{len(list(folder.glob('run*')))}")
        run.mkdir(parents=True)
        facts = {"schema": schema, "identity": run.name, "status": status, "started": started}
        facts |= {"sources": sources or {}, **({} if error is None else {"error": error})}
        (run / "run.json").write_text(json.dumps(facts))
        (run / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        lines = [",".join(columns["rounds.csv"])]
        lines += [",".join(str(row.get(column, "")) for column in columns["rounds.csv"]) for row in rows]
        (run / "rounds.csv").write_text("\n".join(lines) + "\n")
        node = {"node": 0, "neighbours": 2, "byzantine_neighbours": 1}
        lines = [",".join(columns["nodes.csv"])]
        for row in rows:
            about = {"round": row["round"], score: row.get(f"{score}_mean", ""), **node}
            lines.append(",".join(str(about.get(column, "")) for column in columns["nodes.csv"]))
        (run / "nodes.csv").write_text("\n".join(lines) + "\n")
        return run

    return write_run


def planner(folder: Path) -> Callable[..., None]:
    """Writes a sweep's manifest from (name, overrides, refused) triples."""

    def write_plan(*runs: tuple[str | None, list[str], str | None]) -> None:
        folder.mkdir(exist_ok=True)
        entries = [{"name": name, "overrides": overrides, "refused": refused} for name, overrides, refused in runs]
        file = folder / f"sweep-{len(list(folder.glob('sweep-*')))}.json"
        file.write_text(json.dumps({"schema": SCHEMA_VERSION, "runs": entries}))

    return write_plan
