import re
import shutil
from importlib.util import find_spec

import pandas as pd
import pytest
from conftest import planner

from byzdl.analysis.__main__ import main
from byzdl.analysis.leaderboard import main as leaderboard
from byzdl.analysis.report.__main__ import main as report


def test_writes_figures_and_tables(write, folder, capsys):
    write()
    main([str(folder)])
    written = capsys.readouterr()
    assert sorted(path.name for path in (folder / "figures").iterdir()) == [
        "accuracy.pdf", "accuracy.png", "accuracy.svg",
        "final_accuracy.csv", "final_accuracy.md", "final_accuracy.tex",
        "worst.pdf", "worst.png", "worst.svg",
    ]  # fmt: skip
    assert len(written.out.splitlines()) == 9
    assert written.err == ""


def test_a_file_name_a_setting(write, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("byzdl.analysis.figures.FORMATS", {"svg": {"Date": None}})
    write(optimizer={"lr": 0.05})
    write(optimizer={"lr": 0.1}, dataset={"name": "a/b c", "text": "x" * 300})
    main([str(folder), "--out", str(tmp_path / "elsewhere")])
    names = sorted(path.name for path in (tmp_path / "elsewhere").glob("accuracy*"))
    assert names[1] == "accuracy-dataset=digits,optimizer.lr=0.05.svg"
    assert names[0] == "accuracy-dataset=a_b_c,optimizer.lr=0.1-f2be20ce.svg"
    assert not (folder / "figures").exists()


def test_says_which_runs_have_no_result_and_why(write, plan, folder, capsys, monkeypatch):
    monkeypatch.setattr("byzdl.analysis.figures.FORMATS", {})
    write(name="fine", seed=1)
    write(name="older", seed=1, started="2020-01-01")
    write(name="burst", status="failed", error="FloatingPointError: boom")
    write(name="half", status="running")
    plan(("fine", ["seed=1"], None), ("gone", ["seed=2"], None), (None, ["attack=maxx"], "attack: unknown"))
    main([str(folder)])
    assert capsys.readouterr().err.splitlines() == [
        "byzdl: 4 of 5 runs have no result and are in no figure or table:",
        "  failed: burst: FloatingPointError: boom",
        "  interrupted: half: stopped, or still being computed",
        "  missing: gone: seed=2",
        "  refused: attack=maxx: attack: unknown",
        "  superseded: older: fine is newer and has the same configuration",
        "byzdl status tells which sweeps want the missing runs, and how to forget them",
    ]


def test_nothing_to_draw_is_an_error(write, folder, capsys):
    folder.mkdir()
    with pytest.raises(SystemExit, match=r"^byzdl: .*: no run in it$"):
        main([str(folder)])
    write(name="burst", status="failed", error="boom")
    with pytest.raises(SystemExit, match="no run in it is done"):
        main([str(folder)])
    assert "failed: burst: boom" in capsys.readouterr().err
    assert not (folder / "figures").exists()


def test_where_no_run_is_done_folders_below_with_runs_are_named(write, folder):
    write(name="stale", schema=7)
    write(name="default/a")
    with pytest.raises(SystemExit, match=r"no run in it is done \(1 unreadable: .*\); there are runs in .*default$"):
        main([str(folder)])


def test_unknown_schema_is_one_line(write, folder, capsys):
    write(schema=7)
    write()
    main([str(folder)])
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("byzdl: 1 of 2 runs have no result")
    assert re.match(r"  unreadable: run0: .*run\.json: the schema version is 7, but must be 3, ", said[1])


def test_several_folders_are_one_set_of_runs(write, folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("byzdl.analysis.output.save", lambda figure, stem: [])
    write(name="a/0", seed=0)
    write(name="b/1", seed=1)
    write(name="b/2", seed=2, status="failed", error="boom")
    for name in "ab":
        planner(folder / name)(*((str(seed), [f"seed={seed}"], None) for seed in range(4)))
    folders = [str(folder / "a"), f"{folder}/b/"]
    for command in main, leaderboard, *([report] if find_spec("plotly") else []):
        with pytest.raises(SystemExit, match=r"^byzdl: --out is missing, but must name where to write, as there are 2"):
            command(folders)
        command([*folders, "--out", str(tmp_path / "new" / "out")])
        told = [
            "byzdl: 2 of 4 runs have no result and are in no figure or table:",
            f"  failed: {folder}/b/2: boom",
            f"  missing: {folder}/b/3: seed=3",
        ]
        assert capsys.readouterr().err.splitlines()[:3] == ([] if command is report else told)
        out = tmp_path / "new" / "out"
        if command is main:
            (row,) = pd.read_csv(out / "final_accuracy.csv").to_dict("records")
            assert row["seeds"] == 2
        shutil.rmtree(out) if out.is_dir() else out.unlink()
    assert sorted(file.name for file in folder.iterdir()) == ["a", "b"]
