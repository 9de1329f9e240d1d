"""Where a run's numbers also go: everything, once, and at no risk to the run."""

import csv
import math
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
from command_line import until
from whole_runs import STATEFUL, config, without_seconds

import byzdl.runs.execute
from byzdl.config import keys
from byzdl.config.identity import identity
from byzdl.config.types import ConfigError
from byzdl.runs import checkpoint, writers
from byzdl.runs.execute import execute
from byzdl.simulation.settings import parse

RUN = [*STATEFUL, "attack=max", "model=linear", "rounds=60"]


class Stop(BaseException):
    pass


class Fake:
    """Keeps what it gets, and may fail in one of its calls."""

    log: ClassVar[list[Any]] = []
    fails: ClassVar[str] = ""

    def __init__(self, folder: Path, first: int):
        self.call("open", (folder, first))

    def write(self, row: writers.Row) -> None:
        self.call("write", dict(row))

    def close(self) -> None:
        self.call("close", None)

    def call(self, name: str, what: Any) -> None:
        self.log.append((name, what))
        if self.fails == name:
            raise OSError("no room\nat all")


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setitem(writers.CLASSES, "tensorboard", Fake)
    monkeypatch.setitem(keys.WRITERS, "tensorboard", "json")
    monkeypatch.setattr(Fake, "log", [])
    return Fake


def stopped(run: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends with its process, two evaluations after a checkpoint."""
    saved: list[int] = []
    round_row = byzdl.simulation.metrics.Evaluation.round_row

    def save(*arguments: Any) -> None:
        keep(*arguments)
        saved.append(1)

    def row(evaluation: Any) -> Any:
        if saved and saved.append(1) is None and len(saved) == 4:
            raise Stop
        return round_row(evaluation)

    keep = checkpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        patch.setattr(byzdl.simulation.metrics.Evaluation, "round_row", row)
        with pytest.raises(Stop):
            execute(run, folder)


def numbers(value: re.Pattern[bytes], file: Path) -> list[float]:
    return [float(number) for number in value.findall(file.read_bytes())]


def rows(folder: Path) -> list[dict[str, float | None]]:
    with (folder / "rounds.csv").open(newline="") as lines:
        table = [{key: float(cell) if cell else None for key, cell in row.items()} for row in csv.DictReader(lines)]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in table]


def test_it_gets_every_row_and_changes_none(tmp_path, fake):
    run = config(tmp_path / "cache", *RUN)
    also = config(tmp_path / "cache", *RUN, "writer=tensorboard")
    assert identity(run) == identity(also)
    execute(run, tmp_path / "without")
    execute(also, tmp_path / "with")
    assert without_seconds(tmp_path / "with") == without_seconds(tmp_path / "without")
    assert fake.log[0] == ("open", (tmp_path / "with", 0))
    assert fake.log[-1] == ("close", None)
    assert [row for _, row in fake.log[1:-1]] == rows(tmp_path / "with")


def test_a_run_that_goes_on_tells_where(tmp_path, fake, monkeypatch):
    run = config(tmp_path / "cache", *RUN, "writer=tensorboard", "checkpoint.every=30")
    stopped(run, tmp_path / "run", monkeypatch)
    assert fake.log[-1] == ("close", None)
    assert fake.log[-2][1]["round"] == 36
    fake.log.clear()
    execute(run, tmp_path / "run")
    assert fake.log[0] == ("open", (tmp_path / "run", 31))
    assert [row for _, row in fake.log[1:-1]] == [row for row in rows(tmp_path / "run") if row["round"] > 30]


@pytest.mark.parametrize(("fails", "calls"), [("open", 1), ("write", 2), ("close", 23)])
def test_a_run_goes_on_where_it_fails(tmp_path, fake, monkeypatch, caplog, fails, calls):
    monkeypatch.setattr(fake, "fails", fails)
    execute(config(tmp_path / "cache", *RUN, "writer=tensorboard"), tmp_path / "run")
    assert len(rows(tmp_path / "run")) == 21
    assert len(fake.log) == calls
    (warning,) = [record.getMessage() for record in caplog.records if "writer" in record.getMessage()]
    assert (
        warning
        == "writer=tensorboard failed and receives no more rows; the CSV files are complete: OSError: no room at all"
    )


def test_what_is_not_installed_is_refused_before_any_data_is_read(tmp_path, fake, monkeypatch):
    run = config(tmp_path / "cache", *RUN, "writer=tensorboard")
    monkeypatch.setattr(byzdl.runs.execute, "load", lambda dataset: pytest.fail("data were read"))
    (tmp_path / "no_such_package").mkdir()  # a folder of that name is no package
    monkeypatch.syspath_prepend(tmp_path)
    for missing in "no_such_package", "nowhere_at_all":
        monkeypatch.setitem(keys.WRITERS, "tensorboard", missing)
        with pytest.raises(ConfigError) as refused:
            execute(run, tmp_path / "run")
        assert str(refused.value) == (
            f"writer is 'tensorboard', but must be none, as {missing} is not installed: pip install 'byzdl[tensorboard]'"
        )
    assert not fake.log


def test_an_unknown_one_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"^writer is 'tensorbord', but must be one of none, tensorboard, wandb$"):
        parse(config(tmp_path / "cache", *RUN, "writer=tensorbord"))


def test_tensorboard_has_each_row_once_also_of_a_run_that_was_stopped(tmp_path, monkeypatch):
    pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = config(tmp_path / "cache", *RUN, "writer=tensorboard", "checkpoint.every=30")
    stopped(run, tmp_path / "run", monkeypatch)
    execute(run, tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "run"), size_guidance={"scalars": 0}).Reload()
    table = rows(tmp_path / "run")
    said = {name for row in table for name, value in row.items() if value is not None} - {"round"}
    assert set(events.Tags()["scalars"]) == said
    for name in said:
        expected = [(row["round"], row[name]) for row in table if row[name] is not None]
        got = [(event.step, event.value) for event in events.Scalars(name)]
        assert [step for step, _ in got] == [step for step, _ in expected]
        assert all(math.isclose(a, b, rel_tol=1e-6) for (_, a), (_, b) in zip(got, expected, strict=True))


def test_wandb_keeps_each_row_and_the_configuration_in_the_runs_folder(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    run = config(tmp_path / "cache", *RUN, "writer=wandb", "checkpoint.every=30")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    stopped(run, tmp_path / "run", monkeypatch)
    execute(run, tmp_path / "run")
    before, after = sorted(
        (tmp_path / "run").glob("wandb/offline-run-*/*.wandb"), key=lambda file: file.stat().st_mtime
    )
    assert {file.name for file in (before, after)} == {"run-run.wandb"}
    # Each value stands in the protocol buffers as JSON behind its name.
    value = re.compile(rb"(?:accuracy_mean|round)\W{1,4}?([0-9.e-]+)(?=\W)")
    for file, first, last in (before, 0, 36), (after, 31, 60):
        # wandb's own process may write the last rows after `finish` has returned.
        until(lambda file=file, last=last: float(last) in numbers(value, file))
        said = numbers(value, file)
        for row in rows(tmp_path / "run"):
            if first <= row["round"] <= last:
                assert row["round"] in said
                assert row["accuracy_mean"] in said
    assert b"byzdl.attacks.max.Max" in before.read_bytes()
