"""Full disks, read-only folders, damaged caches, clocks that are set back: a clear line, and nothing lost."""

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from command_line import TINY, rows, run_folders, train, train_here
from helpers import chosen
from whole_runs import CASES, config, without_seconds

from byzdl.config.types import ConfigError
from byzdl.data import load
from byzdl.runs.execute import execute

LONG = [*TINY, "rounds=250", "eval_every=1", "checkpoint.every=50"]  # about 75 kB of rows


def whole(place: Path, *overrides: str) -> list[str]:
    """The tables of a run that nothing disturbed."""
    (place / "whole").mkdir()
    result = train_here(*overrides, cwd=place / "whole")
    assert result.returncode == 0, result.stderr
    (folder,) = run_folders(place / "whole" / "outputs")
    return without_seconds(folder)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 100 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def remount(disk: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(disk)], check=True)


def test_files_that_may_not_grow_end_a_run_in_one_line_and_it_goes_on_later(tmp_path):
    reference = whole(tmp_path, *LONG)
    shutil.copytree(tmp_path / "whole" / "data", tmp_path / "data")
    limited = train(*LONG, cwd=tmp_path, limits={resource.RLIMIT_FSIZE: 40_000})
    assert limited.returncode == 1
    assert limited.stderr.splitlines()[-1] == (
        "byzdl: [Errno 27] File too large; everything written so far is kept, and the same command continues"
    )
    (folder,) = run_folders(tmp_path / "outputs")
    assert 50 <= len(rows(folder / "rounds.csv")) < 250
    again = train_here(*LONG, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "continuing after round" in again.stderr
    assert without_seconds(folder) == reference


def test_a_full_disk_fails_a_sweep_in_one_line_a_run_and_it_goes_on_with_room(disk, tmp_path):
    reference = whole(tmp_path, *LONG)
    sweep = ["-m", *LONG, "seed=0,1", f"hydra.sweep.dir={disk}", f"dataset.cache={tmp_path}/whole/data/cache"]
    full = train_here(*sweep, cwd=tmp_path)
    assert full.returncode == 1
    assert full.stderr.count("OSError: [Errno 28] No space left on device") >= 1
    assert "runs failed" in full.stderr
    assert "Traceback" not in full.stderr
    remount(disk, "size=10m")
    roomy = train_here(*sweep, cwd=tmp_path)
    assert roomy.returncode == 0, roomy.stderr
    folders = run_folders(disk)
    assert len(folders) == 2
    assert without_seconds(next(folder for folder in folders if "-s0-" in folder.name)) == reference


@pytest.mark.parametrize("kind", ["one run", "sweep"])
def test_a_read_only_disk_is_named_and_left_as_it_was(kind, disk, tmp_path):
    remount(disk, "ro")
    key, multirun = ("hydra.run.dir", []) if kind == "one run" else ("hydra.sweep.dir", ["-m"])
    result = train_here(*multirun, f"{key}={disk}/mine", *TINY, cwd=tmp_path)
    assert result.returncode == 1
    line = result.stderr.splitlines()[-1]
    assert line.startswith(f"byzdl: {key} is '{disk}/mine', but must be a folder to write to, such as ")
    assert line.endswith(f"({disk} cannot be written)")
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours_to_write_is_named(tmp_path):
    (tmp_path / "outputs").mkdir(mode=0o555)
    result = train_here("-m", *TINY, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith("(outputs cannot be written)")


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    if how == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif how == "one bit":
        place = len(content) - 3
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif how == "zeros":  # as some file systems leave it when the power fails
        file.write_bytes(bytes(len(content)))
    else:
        file.unlink()


@pytest.mark.parametrize("how", ["truncated", "one bit", "zeros", "gone"])
@pytest.mark.parametrize("name", ["train_inputs.npy", "train_targets.npy", "test_inputs.npy", "meta.json"])
def test_a_damaged_cache_is_never_used_but_built_again(name, how, tmp_path, caplog):
    if (name, how) == ("meta.json", "one bit"):
        pytest.skip("white space at its end")
    dataset = chosen("dataset", "synthetic", cache=str(tmp_path))
    first = load(dataset)
    (folder,) = tmp_path.glob("[!.]*")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    damage(folder / name, how)
    again = load(dataset)
    assert "decoded again" in caplog.text
    assert again.fingerprint == first.fingerprint
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    caplog.clear()
    load(dataset)
    assert not caplog.text


def test_changed_statistics_are_damage_too(tmp_path, caplog):
    dataset = chosen("dataset", "synthetic", cache=str(tmp_path))
    load(dataset)
    (file,) = tmp_path.glob("[!.]*/meta.json")
    meta = json.loads(file.read_text())
    file.write_text(json.dumps({**meta, "mean": [value + 1 for value in meta["mean"]]}))
    assert load(dataset).train.mean.max() < max(meta["mean"]) + 0.5
    assert "decoded again" in caplog.text


def test_who_maps_a_damaged_cache_keeps_what_was_mapped(tmp_path):
    """A run that started before the damage was noticed does not lose its images under its feet."""
    dataset = chosen("dataset", "synthetic", cache=str(tmp_path))
    mapped = load(dataset)
    before = mapped.train.inputs.numpy().copy()
    (folder,) = tmp_path.glob("[!.]*")
    damage(folder / "meta.json", "truncated")
    load(dataset)
    assert np.array_equal(mapped.train.inputs.numpy(), before)


def test_a_cache_whose_builder_was_killed_is_built_by_the_next(tmp_path):
    dataset = chosen("dataset", "synthetic", cache=str(tmp_path / "cache"))
    load(dataset)
    (folder,) = (tmp_path / "cache").glob("[!.]*")
    left = folder.with_name(f".{folder.name}-half")
    folder.rename(left)
    (left / "meta.json").unlink()
    load(dataset)
    assert folder.is_dir()
    assert not left.exists()


def test_a_cache_that_cannot_be_written_names_its_key(disk, tmp_path):
    dataset = chosen("dataset", "synthetic", cache=str(disk / "cache"), train_count=20_000)
    with pytest.raises(ConfigError, match=r"dataset.cache is '.*', but must be a folder with room to write to \("):
        load(dataset)
    assert not list((disk / "cache").glob("*-*-*"))  # nothing half-built takes the room that is left
    remount(disk, "size=10m")
    assert len(load(dataset).train) == 20_000


def test_a_clock_that_is_set_back_changes_nothing(tmp_path, monkeypatch):
    execute(config(tmp_path / "cache", *CASES["mlp"]), tmp_path / "whole")
    ticks = iter(range(10**9, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(ticks)))
    run = config(tmp_path / "cache", *CASES["mlp"], "checkpoint.every=0.01s")
    execute(run, tmp_path / "back")
    assert without_seconds(tmp_path / "back") == without_seconds(tmp_path / "whole")
    seconds = [float(row["seconds"]) for row in rows(tmp_path / "back" / "rounds.csv")]
    assert seconds == sorted(seconds)


def test_an_older_versions_config_is_told_what_it_lacks_and_what_is_gone(tmp_path):
    assert train_here(*TINY, cwd=tmp_path).returncode == 0
    (folder,) = run_folders(tmp_path / "outputs")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    lacks = {key: value for key, value in config.items() if key != "screen"}
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    told = {
        "screen: missing, and it has no default": lacks,
        "patience is no key of this version of byzdl": {**config, "patience": 3},
    }
    for line, old in told.items():
        (tmp_path / "old").mkdir(exist_ok=True)
        (tmp_path / "old" / "config.yaml").write_text(yaml.safe_dump(old))
        result = train_here("--from", "old", cwd=tmp_path)
        assert result.returncode == 1
        assert line in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_checkpoint_of_another_version_is_not_gone_on_from(tmp_path, monkeypatch, caplog):
    run = config(tmp_path / "cache", *CASES["mlp"], "checkpoint.every=7")
    monkeypatch.setattr("byzdl.runs.execute.VERSION", "0.0.1")
    with pytest.raises(KeyboardInterrupt):
        execute_until(run, tmp_path / "run", 60, monkeypatch)
    monkeypatch.setattr("byzdl.runs.execute.VERSION", "0.0.2")
    execute(run, tmp_path / "run")
    assert "starts over" in caplog.text
    execute(run, tmp_path / "whole")
    assert without_seconds(tmp_path / "run") == without_seconds(tmp_path / "whole")


def execute_until(run, folder, rounds, monkeypatch):
    """Compute a run until Ctrl-C after so many rounds."""
    from byzdl.runs import execute as module

    def stopping(experiment, start):
        for state, evaluation in simulate(experiment, start):
            if state.round == rounds:
                raise KeyboardInterrupt
            yield state, evaluation

    simulate = module.simulate
    with monkeypatch.context() as patch:
        patch.setattr(module, "simulate", stopping)
        execute(run, folder)
