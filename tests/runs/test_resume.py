"""Runs that are killed: they go on from their checkpoint and end with the same bytes as one that never was."""

import hashlib
import io
import json
import random
import shutil
import time
from collections import namedtuple
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from whole_runs import CASES, config, without_seconds

from byzdl.config.columns import TABLES
from byzdl.config.identity import identity
from byzdl.runs import checkpoint
from byzdl.runs.execute import execute
from byzdl.runs.folder import BusyError, RunFolder, is_done


def killed_again_and_again(
    run: dict[str, Any], folder: Path, most: float, chance: random.Random, processes: Any
) -> int:
    """Compute a run, killing its process up to six times, each after at most so many seconds; how often it died."""
    kills = 0
    while not is_done(folder, identity(run)):
        process = processes.Process(target=execute, args=(run, folder))
        process.start()
        while process.is_alive() and not (folder / "rounds.csv").exists():
            time.sleep(0.001)
        process.join(chance.uniform(0, most) if kills < 6 else None)
        process.kill()
        process.join()
        kills += process.exitcode != 0
    return kills


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a case's run that nothing disturbed, computed once."""

    @cache
    def folder(case: str) -> Path:
        place = tmp_path_factory.mktemp("whole")
        execute(config(place / "cache", *CASES[case], "checkpoint.every=1000"), place / "run")
        return place / "run"

    return folder


@pytest.mark.parametrize("every", ["1", "7", "0.01s"])
@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_at_random_points_ends_with_the_same_bytes(case, every, whole, tmp_path, processes):
    killed = config(tmp_path / "cache", *CASES[case], f"checkpoint.every={every}")
    seconds = [float(line.rpartition(",")[2]) for line in (whole(case) / "rounds.csv").read_text().splitlines()[1:]]
    most = 0.35 * (seconds[-1] - seconds[0])
    folder, chance = tmp_path / "killed", random.Random(case + every)
    while killed_again_and_again(killed, folder, most, chance, processes) < 2:
        shutil.rmtree(folder)  # the machine was faster than it had been
        most /= 2
    assert without_seconds(folder) == without_seconds(whole(case))
    assert not (folder / "checkpoint").exists()
    assert not list(folder.glob(".*.json.*"))  # nothing half-written is left in the way


def stopped_after(rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], Path]:
    """A run that ended right after the checkpoint of a round."""
    run, folder = config(tmp_path / "cache", *CASES["mlp"], f"checkpoint.every={rounds}"), tmp_path / "stopped"

    class Stop(BaseException):
        pass

    def stop(*arguments: Any) -> None:
        save(*arguments)
        raise Stop

    save = checkpoint.save
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", stop)
        with pytest.raises(Stop):
            execute(run, folder)
    return run, folder


def test_what_stands_after_the_checkpoint_is_written_again(tmp_path, monkeypatch, whole):
    run, folder = stopped_after(50, tmp_path, monkeypatch)
    for name, rest in {"rounds": "51,half a li", "nodes": "51,0,0.5\n51,1", "edges": "51,0,1,3,3,0.5\n5"}.items():
        with open(folder / f"{name}.csv", "a") as table:
            table.write(rest)
    execute(run, folder)
    assert without_seconds(folder) == without_seconds(whole("mlp"))
    seconds = [float(line.rpartition(",")[2]) for line in (folder / "rounds.csv").read_text().splitlines()[1:]]
    assert seconds == sorted(seconds)  # time goes on from where it was


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "text", "zeros"])
def test_a_checkpoint_that_cannot_be_read_is_set_aside_and_never_trusted(harm, tmp_path, monkeypatch, caplog, whole):
    run, folder = stopped_after(50, tmp_path, monkeypatch)
    kept = (folder / "checkpoint").read_bytes()
    middle = len(kept) // 2
    flipped = kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :]
    harmed = {"cut": kept[:-9], "flipped": flipped, "empty": b"", "text": b"hello\n", "zeros": bytes(len(kept))}
    (folder / "checkpoint").write_bytes(harmed[harm])
    execute(run, folder)
    assert "cannot be read" in caplog.text
    assert (folder / "checkpoint.aside").exists()
    assert without_seconds(folder) == without_seconds(whole("mlp"))


@pytest.mark.parametrize("name", ["nodes.csv", "edges.csv"])
def test_a_table_that_lost_its_end_starts_the_run_over(name, tmp_path, monkeypatch, caplog, whole):
    run, folder = stopped_after(50, tmp_path, monkeypatch)
    table = folder / name
    table.write_bytes(table.read_bytes()[:-20])
    execute(run, folder)
    assert "starts over" in caplog.text
    assert without_seconds(folder) == without_seconds(whole("mlp"))


def test_a_run_whose_status_is_torn_goes_on_from_its_checkpoint(tmp_path, monkeypatch, caplog, whole):
    run, folder = stopped_after(50, tmp_path, monkeypatch)
    status = folder / "run.json"
    status.write_text(status.read_text()[:40])
    with caplog.at_level("INFO", "byzdl"):
        execute(run, folder)
    assert "continuing after round 50" in caplog.text
    assert without_seconds(folder) == without_seconds(whole("mlp"))


def test_a_run_that_started_over_never_goes_on_from_what_was_before(tmp_path, monkeypatch, caplog, whole):
    """Killed again before its own first checkpoint, but when its tables had grown beyond where the old one stood."""
    run, folder = stopped_after(50, tmp_path, monkeypatch)
    (folder / "edges.csv").unlink()

    class Stop(BaseException):
        pass

    def stop(*_: Any) -> None:
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.Clock, "due", lambda *_: False)
        patch.setattr(RunFolder, "finish", stop)
        with pytest.raises(Stop):
            execute(run, folder)
    with caplog.at_level("INFO", "byzdl"):
        execute(run, folder)
    assert "after 120 rounds" in caplog.text
    assert "continuing after" not in caplog.text
    assert without_seconds(folder) == without_seconds(whole("mlp"))


def test_the_seconds_of_all_processes_of_a_run_count(tmp_path):
    first = RunFolder(tmp_path / "run", "same")
    with first.locked(patient=False):
        first.start({}, {})
        mark = first.mark()
    later = RunFolder(tmp_path / "run", "same")
    with later.locked(patient=False):
        later.start({}, {}, mark._replace(wall=1000.0, cpu=500.0))
        later.finish({})
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert 1000 <= facts["wall_seconds"] < 1100
    assert 500 <= facts["cpu_seconds"] < 600


def test_a_checkpoint_of_another_run_is_not_gone_on_from(tmp_path, monkeypatch, caplog):
    run, folder = stopped_after(50, tmp_path, monkeypatch)
    other = {**run, "seed": 2}
    (tmp_path / "other").mkdir()
    for name in ("checkpoint", *TABLES):
        (tmp_path / "other" / name).write_bytes((folder / name).read_bytes())
    facts = json.loads((folder / "run.json").read_text())
    (tmp_path / "other" / "run.json").write_text(json.dumps({**facts, "identity": identity(other)}))
    execute(other, tmp_path / "other")
    assert "starts over" in caplog.text


def test_a_checkpoint_runs_no_code(tmp_path):
    """A file that somebody gave away must not be able to do anything when it is read."""

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "owned",))

    checkpoint.save(tmp_path / "checkpoint", {"state": Evil()})
    assert checkpoint.load(tmp_path / "checkpoint") is None
    assert not (tmp_path / "owned").exists()


def test_a_whole_file_that_is_no_state_is_set_aside(tmp_path):
    payload = io.BytesIO()
    torch.save([1, 2], payload)
    digest = hashlib.sha256(payload.getvalue()).hexdigest().encode()
    (tmp_path / "checkpoint").write_bytes(digest + b"\n" + payload.getvalue())
    assert checkpoint.load(tmp_path / "checkpoint") is None
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.aside"]


Pair = namedtuple("Pair", ["left", "right"])


def test_states_of_any_shape_come_back_as_they_were(tmp_path):
    numbers = torch.arange(3)
    first = {"pair": Pair(numbers, None), "list": [], "none": ()}
    later = {"pair": Pair(numbers + 1, {"deep": (1, 2.5, "x")}), "list": [True, numbers], "none": (), "new": Pair(1, 2)}
    checkpoint.save(tmp_path / "checkpoint", {"state": checkpoint.to_plain(later)})
    content = checkpoint.load(tmp_path / "checkpoint")
    assert content is not None
    back = checkpoint.like(first, content["state"], torch.device("cpu"))
    assert isinstance(back["pair"], Pair)
    assert torch.equal(back["pair"].left, numbers + 1)
    assert back["pair"].right == {"deep": (1, 2.5, "x")}
    assert back["list"][0] is True
    assert torch.equal(back["list"][1], numbers)
    assert back["new"] == (1, 2)


# Locks


def hold(path: Path, identity: str, ready: Any) -> None:
    with RunFolder(path, identity).locked(patient=False):
        ready.set()
        time.sleep(60)


def test_a_run_that_another_process_computes_is_left_alone_until_that_one_dies(tmp_path, processes):
    run = config(tmp_path / "cache", *CASES["a rule without a state"])
    ready = processes.Event()
    holder = processes.Process(target=hold, args=(tmp_path / "run", identity(run), ready))
    holder.start()
    assert ready.wait(60)
    with pytest.raises(BusyError):
        execute(run, tmp_path / "run", patient=False)
    assert not (tmp_path / "run" / "rounds.csv").exists()
    holder.kill()
    holder.join()
    execute(run, tmp_path / "run", patient=False)  # a dead process holds nothing
    assert is_done(tmp_path / "run", identity(run))


def test_who_waits_for_a_run_finds_it_done_and_computes_nothing(tmp_path, processes, whole):
    run = config(tmp_path / "cache", *CASES["mlp"])
    both = [processes.Process(target=execute, args=(run, tmp_path / "run")) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert without_seconds(tmp_path / "run") == without_seconds(whole("mlp"))
    assert np.isfinite(json.loads((tmp_path / "run" / "run.json").read_text())["accuracy_mean"])
