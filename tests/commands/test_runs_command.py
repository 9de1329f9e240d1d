"""`byzdl runs`: sweeps are forgotten, runs removed, folders merged, and nothing else is touched."""

import json
import os
import platform
import shutil

import pytest
import yaml

from byzdl.analysis.load import find
from byzdl.commands.main import main
from byzdl.config.columns import SCHEMA_VERSION, TABLES
from byzdl.runs.folder import RunFolder

GROUPS = {name: {"name": "some"} for name in ("dataset", "partition", "model")}


def write(folder, name, status="done", accuracy=0.5, seed=0, identity=None, seconds=1.0, **facts):
    """A run of two rounds."""
    run = folder / name
    run.mkdir(parents=True)
    about = {"schema": SCHEMA_VERSION, "identity": identity or name, "status": status, "started": "2026-01-01"}
    about |= {"host": platform.node(), "pid": 2**30}  # no process has so large a number
    (run / "run.json").write_text(json.dumps({**about, **facts}))
    choices = {"attack": {"name": "max", "br": 0.3}, "defense": {"name": "mean"}, "topology": {"name": "ring", "n": 4}}
    (run / "config.yaml").write_text(yaml.safe_dump({**choices, **GROUPS, "seed": seed, "rounds": 2}))
    for table, columns in TABLES.items():
        row = {"round": 2, "node": 0, "neighbour": 1, "accuracy_mean": accuracy, "seconds": seconds}
        cells = ",".join(str(row.get(column, "")) for column in columns)
        (run / table).write_text(f"{','.join(columns)}\n{cells}\n")
    return run


def plan(folder, name, *runs):
    entries = [{"name": run, "overrides": overrides, "refused": None} for run, overrides in runs]
    (folder / f"{name}.json").write_text(json.dumps({"schema": SCHEMA_VERSION, "runs": entries}))


def files(folder):
    """The bytes of every file below."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def statuses(*folders):
    return {run.name: run.status for run in find(*folders)}


def refusal(*arguments):
    with pytest.raises(SystemExit) as refused:
        main(["runs", *map(str, arguments)])
    assert str(refused.value.code).startswith("byzdl: ")
    return str(refused.value.code)


def test_a_sweep_is_forgotten_and_its_runs_stay(tmp_path, capsys):
    write(tmp_path, "run-0")
    plan(tmp_path, "sweep-1", *((f"run-{seed}", [f"seed={seed}"]) for seed in range(4)))
    plan(tmp_path, "sweep-2", ("run-3", ["seed=3"]))
    before = files(tmp_path)
    main(["runs", "forget", str(tmp_path), "sweep-1", "--dry-run"])
    assert capsys.readouterr().out.startswith("would forget sweep-1, planned ")
    assert files(tmp_path) == before
    main(["runs", "forget", str(tmp_path), "sweep-1"])
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  no longer missing: 2 runs: seed=1,2",
        "  still missing, as other sweeps planned them too: 1 run",
        f"  staying in {tmp_path}: 1 run",
    ]
    assert statuses(tmp_path) == {"run-0": "done", "run-3": "missing"}
    assert files(tmp_path) == {name: content for name, content in before.items() if name != "sweep-1.json"}
    assert refusal("forget", tmp_path, "sweep-3").endswith("must be one of sweep-2 (did you mean sweep-2?)")
    main(["runs", "forget", str(tmp_path), "sweep-2.json"])
    assert "which has none" in refusal("forget", tmp_path, "sweep-2")
    assert "no such folder" in refusal("forget", tmp_path / "nowhere", "sweep-2")


def test_runs_are_removed_by_status_and_by_name_and_nothing_else_is(tmp_path, capsys):
    for seed, status in enumerate(["done", "failed", "failed", "running", "done"]):
        write(tmp_path, f"run-{seed}", status, seed=seed, **({"error": "boom"} if status == "failed" else {}))
    (tmp_path / "run-2" / "notes.txt").write_text("mine")
    (tmp_path / "other").mkdir()
    plan(tmp_path, "sweep-1", ("run-1", ["seed=1"]))
    before = files(tmp_path)
    main(["runs", "rm", str(tmp_path), "--failed", "--dry-run"])
    assert capsys.readouterr().out.splitlines() == [
        "kept: run-2: its folder also holds notes.txt",
        "  failed: run-1: boom",
        f"would remove 1 run of {tmp_path}",
    ]
    assert refusal("rm", tmp_path, "--failed") == "byzdl: nothing is removed; --yes removes them without a question"
    assert files(tmp_path) == before
    main(["runs", "rm", str(tmp_path), "--failed", "--yes"])
    assert capsys.readouterr().out.splitlines()[-1].startswith("sweeps still want runs that are missing: byzdl status ")
    main(["runs", "rm", str(tmp_path), "run-[34]", "--interrupted", "--yes"])
    main(["runs", "rm", str(tmp_path), "run-4", "--yes"])
    gone = ("run-1/", "run-3/", "run-4/")
    assert files(tmp_path) == {name: content for name, content in before.items() if not name.startswith(gone)}
    assert sorted(os.listdir(tmp_path)) == ["other", "run-0", "run-2", "sweep-1.json"]
    assert "did you mean run-" in refusal("rm", tmp_path, "run-9")
    assert "--failed, --interrupted, --superseded, --unreadable" in refusal("rm", tmp_path)
    main(["runs", "rm", str(tmp_path / "run-0"), "run-0", "--yes"])
    assert not (tmp_path / "run-0").exists()


def test_a_run_that_is_computed_or_only_linked_is_never_removed(tmp_path, capsys):
    write(tmp_path / "a", "run-1", "running", pid=os.getpid())
    locked = write(tmp_path / "a", "run-2", "failed", seed=2)
    (tmp_path / "a" / "link").symlink_to(write(tmp_path / "b", "run-3", "failed"))
    with RunFolder(locked, "run-2").locked(patient=False):
        before = files(tmp_path)
        main(["runs", "rm", str(tmp_path / "a"), "*", "--yes"])
    assert capsys.readouterr().out.splitlines() == [
        "kept: link: its folder is a link",
        "kept: run-1: a process computes it",
        "  failed: run-2",
        "kept: run-2: a process computes it",
        f"removed 0 runs of {tmp_path}/a",
    ]
    assert files(tmp_path) == before


def test_a_damaged_manifest_is_no_run_to_remove(tmp_path, capsys, monkeypatch):
    run = write(tmp_path, "run-1")
    (run / "sweep-1.json").write_text("[")
    monkeypatch.chdir(run)
    main(["runs", "rm", ".", "--unreadable", "--yes"])
    assert capsys.readouterr().out == "nothing to remove in .\n"
    assert (run / "run.json").exists()


def test_folders_are_merged_with_what_is_missing_and_the_sources_stay(tmp_path, capsys):
    a, b, c = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    write(a, "run-0")
    write(b, "run-0", seconds=9.0)  # the same result, computed elsewhere
    write(a, "run-1", "running", seed=1)
    write(b, "run-1", seed=1)
    half = write(a, "run-2", "running", seed=2)
    (half / "checkpoint").write_bytes(b"state")
    (half / ".lock").write_bytes(b"")
    write(b, "run-2", "failed", seed=2)
    write(b, "again", identity="run-3", seed=3)
    write(a, "run-3", seed=3)
    write(b, "run-4", "running", seed=4, pid=os.getpid())
    (write(b, "run-5") / "rounds.csv").write_text("")
    for folder, names in ((a, ("run-0", "run-1", "run-2", "gone")), (b, ("run-0", "again", "run-4"))):
        plan(folder, "sweep-1", *((name, [f"name={name}"]) for name in names))
        os.utime(folder / "sweep-1.json", (1.6e9, 1.6e9))
    before = files(tmp_path)
    main(["runs", "merge", str(a), str(b), f"{a}/", "--into", str(c), "--dry-run"])
    assert not c.exists()
    main(["runs", "merge", str(a), str(b), f"{a}/", "--into", str(c)])
    would, did = capsys.readouterr().out.split("copied", 1)
    assert did.splitlines() == [
        f" 4 runs into {c}; there already, or in two folders: 4",
        f"  from {a}: 3",
        f"  from {b}: 1",
        f"  left out: {b}/run-4: a process computes it",
        f"  left out: {b}/run-5: {b}/run-5/rounds.csv: cannot be read (it is empty)",
    ]
    assert would == f"would copy{did}".replace("copied", "would copy")
    assert {name: content for name, content in files(tmp_path).items() if not name.startswith("c/")} == before
    assert statuses(c) == {
        "run-0": "done",
        "run-1": "done",
        "run-2": "interrupted",
        "run-3": "done",
        "gone": "missing",
        "run-4": "missing",
    }
    assert (c / "run-2" / "checkpoint").read_bytes() == b"state"
    assert not list(c.rglob(".*"))
    assert {file.stat().st_mtime for file in c.glob("sweep-*.json")} == {1.6e9}

    # Again: nothing is left to do. With another folder: only its runs are new.
    whole = files(c)
    main(["runs", "merge", str(a), str(b), "--into", str(c)])
    assert files(c) == whole
    write(tmp_path / "d", "run-6", seed=6)
    main(["runs", "merge", str(c), str(tmp_path / "d"), "--into", str(c)])
    assert files(c).items() > whole.items()
    assert statuses(c)["run-6"] == "done"


def test_different_results_of_one_run_are_refused_by_name(tmp_path):
    a, b, c = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    write(a, "run-0", accuracy=0.5)
    write(b, "run-0", accuracy=0.6)
    write(a, "0", identity="one")
    write(b, "0", identity="two")
    told = refusal("merge", a, b, "--into", c)
    assert told.splitlines() == [
        "byzdl: nothing is merged, as 2 runs cannot be:",
        f"  0: {a}/0 and {b}/0 are runs of different configurations",
        f"  run-0: {a}/run-0 and {b}/run-0 have different results",
        "--keep-first keeps the result of the folder named first",
    ]
    assert not c.exists()
    shutil.rmtree(b / "0")
    main(["runs", "merge", str(b), str(a), "--into", str(c), "--keep-first"])
    assert (c / "run-0" / "rounds.csv").read_bytes() == (b / "run-0" / "rounds.csv").read_bytes()
    (c / "run-7").mkdir()
    (c / "run-7" / "mine.txt").write_text("mine")
    write(a, "run-7", seed=7)
    before = files(c)
    assert f"run-7: {c}/run-7 is there, but is no run" in refusal("merge", a, "--into", c, "--keep-first")
    assert files(c) == before
    assert "must be a folder of runs, not a run" in refusal("merge", a, "--into", c / "run-0")
    assert "must be a folder" in refusal("merge", a, "--into", c / "run-7" / "mine.txt")


def test_a_merge_that_is_stopped_leaves_whole_runs_alone_and_goes_on(tmp_path, monkeypatch):
    a, c = tmp_path / "a", tmp_path / "c"
    for seed in range(3):
        write(a, f"run-{seed}", seed=seed)
    plan(a, "sweep-1", *((f"run-{seed}", [f"seed={seed}"]) for seed in range(3)))
    copy, rename, calls = shutil.copytree, os.rename, []

    def stopping(function, after):
        def call(*arguments, **options):
            calls.append(function)
            if len(calls) > after:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return call

    for name, function in ((("shutil.copytree"), copy), ("os.rename", rename)):
        calls.clear()
        monkeypatch.setattr(f"byzdl.commands.merge.{name}", stopping(function, 2))
        with pytest.raises(SystemExit) as stopped:
            main(["runs", "merge", str(a), "--into", str(c)])
        assert stopped.value.code == 130
        monkeypatch.undo()
        assert not list(c.glob(".*"))
        assert set((statuses(c) if list(c.iterdir()) else {}).values()) <= {"done", "missing"}
    assert statuses(c) == {"run-0": "done", "run-1": "done", "run-2": "missing"}
    (c / ".merging" / "0").mkdir(parents=True)  # as after kill -9
    main(["runs", "merge", str(a), "--into", str(c)])
    assert files(c) == {name: content for name, content in files(a).items() if not name.startswith("sweep")} | {
        file.name: (a / "sweep-1.json").read_bytes() for file in c.glob("sweep-*")
    }
