"""How runs are said to stand, from their files alone."""

import json
import os
import platform
import re
import subprocess
import sys
import time

import pytest

from byzdl.commands.main import main as byzdl
from byzdl.commands.status import SILENCE, main, standings, table
from byzdl.config.columns import ROUND_COLUMNS, SCHEMA_VERSION


def write(folder, name, status, rows=(), rounds=100, **facts):
    """A run's folder with so many rows of (round, seconds)."""
    path = folder / name
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps({"schema": SCHEMA_VERSION, "status": status, "identity": name, **facts}))
    choices = "attack: {name: max, br: 0.3}\ndefense: {name: mean}\ntopology: {name: ring, n: 10}\n"
    choices += "".join(f"{group}: {{name: some}}\n" for group in ("dataset", "partition", "model"))
    (path / "config.yaml").write_text(f"rounds: {rounds}\nseed: {name[-1]}\n{choices}")
    lines = [
        ",".join(str(number) if c == "round" else str(s) if c == "seconds" else "" for c in ROUND_COLUMNS)
        for number, s in rows
    ]
    (path / "rounds.csv").write_text("\n".join([",".join(ROUND_COLUMNS), *lines]) + "\n")


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_every_kind_of_run_is_told_apart(tmp_path, dead):
    here = platform.node()
    write(tmp_path, "run-0", "done", [(0, 1.0), (100, 11.0)], pid=os.getpid(), host=here)
    write(tmp_path, "run-1", "running", [(0, 1.0), (40, 3.0)], pid=os.getpid(), host=here)
    write(tmp_path, "run-2", "running", [(0, 1.0), (70, 3.0)], pid=dead, host=here)
    write(tmp_path, "run-3", "failed", [(0, 1.0)], error="ValueError: no\nluck")
    write(tmp_path, "run-4", "running", [(0, 1.0), (10, 2.0)], pid=1, host="another")
    write(tmp_path, "run-5", "running", [], pid=1, host="another")
    old = time.time() - SILENCE - 60
    for file in (tmp_path / "run-5").iterdir():
        os.utime(file, (old, old))
    plan = [{"name": f"run-{i}", "overrides": [f"seed={i}"], "refused": None} for i in (0, 9)]
    (tmp_path / "sweep-1.json").write_text(json.dumps({"schema": SCHEMA_VERSION, "runs": plan}))

    found = {one.name: one for one in standings(tmp_path)}
    assert {name: one.status for name, one in found.items()} == {
        "run-0": "done",
        "run-1": "running",
        "run-2": "interrupted",
        "run-3": "failed",
        "run-4": "running",
        "run-5": "interrupted",
        "run-9": "missing",
    }
    # 40 rounds in 2 seconds, 60 to go.
    assert (found["run-1"].round, found["run-1"].rounds, found["run-1"].speed) == (40, 100, 20)
    assert found["run-1"].left == 3
    assert found["run-2"].left is None
    assert found["run-3"].why == "ValueError: no luck"
    text = table(list(found.values()))
    assert text.splitlines()[0] == "7 runs: 2 running, 2 interrupted, 1 failed, 1 missing, 1 done"
    assert "round 40 of 100 (40%)  20 rounds/s  3 s left" in text
    assert "run-0" not in text


def test_a_run_that_is_just_beginning_is_no_error(tmp_path):
    write(tmp_path, "run-1", "running", pid=os.getpid(), host=platform.node())
    (tmp_path / "run-1" / "rounds.csv").write_text("round,epo")
    (tmp_path / "run-1" / "config.yaml").unlink()
    (one,) = standings(tmp_path)
    assert (one.status, one.round, one.left) == ("running", None, None)


def test_it_disturbs_nothing(tmp_path, capsys):
    write(tmp_path, "run-1", "running", [(0, 1.0)], pid=os.getpid(), host=platform.node())
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    main([str(tmp_path)])
    assert "1 running" in capsys.readouterr().out
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


def test_a_record_that_cannot_be_read_is_one_line(tmp_path, capsys):
    write(tmp_path, "run-1", "done")
    (tmp_path / "run-1" / "run.json").write_text("{")
    main([str(tmp_path)])
    first, line = capsys.readouterr().out.splitlines()
    assert first == "1 run: 1 unreadable"
    assert re.match(r"  unreadable  run-1  .*run\.json: cannot be read", line)


def test_a_folder_that_is_none_is_one_line(tmp_path):
    for watched in [], ["--watch"]:
        with pytest.raises(SystemExit, match=r"^byzdl: .*nowhere: no such folder$"):
            main([str(tmp_path / "nowhere"), *watched])


def test_watching_begins_before_the_first_run(tmp_path, capsys, monkeypatch):
    def later(seconds):
        if (tmp_path / "run-1").exists():
            raise KeyboardInterrupt
        write(tmp_path, "run-1", "done", [(0, 1.0), (100, 2.0)])

    monkeypatch.setattr(time, "sleep", later)
    main([str(tmp_path), "--watch"])
    first, second = capsys.readouterr().out.split("\x1b[H\x1b[2J")[1:]
    assert "no run" in first
    assert "1 run: 1 done" in second


@pytest.mark.parametrize("interval", ["-1", "nan", "often"])
def test_an_interval_that_is_none_is_refused(tmp_path, capsys, interval):
    with pytest.raises(SystemExit):
        main([str(tmp_path), f"--watch={interval}"])
    assert f"argument --watch: invalid seconds value: '{interval}'" in capsys.readouterr().err


def plan(folder, name, *runs):
    """A sweep's manifest from (name, overrides, refused) triples."""
    entries = [{"name": run, "overrides": overrides, "refused": refused} for run, overrides, refused in runs]
    (folder / f"{name}.json").write_text(json.dumps({"schema": SCHEMA_VERSION, "runs": entries}))


def test_the_sweep_that_wants_missing_runs_is_named_with_the_command_that_forgets_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "out puts"
    write(folder, "run-1", "done", [(0, 1.0), (100, 2.0)])
    plan(folder, "sweep-0a", ("run-1", ["seed=1"], None))
    wrong = [(f"run-{seed}", ["attack=max", f"seed={seed}"], None) for seed in range(100, 300)]
    plan(folder, "sweep-1b", *wrong, *((None, ["attack=maxx", f"seed={i}"], "no such attack") for i in range(12)))
    os.utime(folder / "sweep-1b.json", (1.6e9, 1.6e9))
    (folder / "sweep-2c.json").write_text("[")
    main(["out puts"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "214 runs: 1 unreadable, 12 refused, 200 missing, 1 done"
    assert sum(line.startswith("  missing") for line in lines) == 11
    assert "  missing     and 190 more" in lines
    assert "  refused     and 2 more" in lines
    told = next(i for i, line in enumerate(lines) if line.startswith("sweep-1b, planned 2020-09-"))
    assert lines[told].partition(", wants ")[2] == (
        "200 missing runs: attack=max seed=100,101,102,...,299; it had 12 combinations refused: attack=maxx seed=0,1,2,...,11"
    )
    command = "byzdl runs forget 'out puts' sweep-1b"
    assert lines[told + 1] == f"  to compute them: the same command again; to forget them: {command}"
    assert lines[lines.index("sweep-2c cannot be read") + 1] == "  to forget it: byzdl runs forget 'out puts' sweep-2c"
    assert not any(line.startswith("sweep-0a") for line in lines)

    for name in "sweep-1b", "sweep-2c":
        byzdl(["runs", "forget", "out puts", name])
    capsys.readouterr()
    main(["out puts"])
    assert capsys.readouterr().out == "1 run: 1 done\n"


def test_several_folders_are_one_table(tmp_path, capsys):
    for name in "ab":
        write(tmp_path / name, f"run-{int(name, 16)}", "done", [(0, 1.0), (100, 2.0)])
        plan(tmp_path / name, "sweep-1", *((f"run-{i}", [f"seed={i}"], None) for i in (10, 11, 12)))
    main([str(tmp_path / "a"), f"{tmp_path}/b/", str(tmp_path / "a" / ".." / "b")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 runs: 1 missing, 2 done"
    assert lines[1].split() == ["missing", f"{tmp_path}/b/run-12", "seed=12"]
    assert lines[2].startswith(f"{tmp_path}/b/sweep-1, planned ")


def test_a_process_that_cannot_be_is_not_alive(tmp_path):
    for pid in 0, -1, 2**70, True, "1":
        write(tmp_path / str(pid), "run-1", "running", [], pid=pid, host=platform.node())
        old = time.time() - SILENCE - 60
        for file in (tmp_path / str(pid) / "run-1").iterdir():
            os.utime(file, (old, old))
    assert {one.status for pid in (0, -1, 2**70, "1") for one in standings(tmp_path / str(pid))} == {"interrupted"}
