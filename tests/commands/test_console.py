"""`byzdl COMMAND`: every command can be reached, and wrong input is answered in one line."""

import json
import logging
import runpy
import sys
from importlib import import_module

import pytest
from command_line import ROOT, TINY, run_folders, unread
from helpers import choices

from byzdl.commands.door import door
from byzdl.commands.main import COMMANDS, main, usage
from byzdl.config.keys import GROUPS
from byzdl.pipe import UNREAD
from byzdl.sweeping.plan import Planned, write_manifest


@pytest.fixture(autouse=True)
def _process(tmp_path, monkeypatch):
    """An empty folder, and a process that keeps nothing of what a command sets for itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["byzdl"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    for handler in {*root.handlers} - {*handlers}:
        handler.close()
    root.handlers[:], root.level = handlers, level


def refusal(*arguments: str) -> str:
    """The line that answers wrong input."""
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    line = str(refused.value.code)  # sys.exit writes a text to stderr, and exits with code 1.
    assert line.startswith("byzdl: ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_the_usage_lists_every_command(arguments, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["byzdl", *arguments])
    main()
    shown = capsys.readouterr().out
    assert shown == f"{usage()}\n"
    for command in COMMANDS:
        assert f"  byzdl {command} " in shown


def test_every_command_has_a_function():
    for _, _, place in COMMANDS.values():
        module, _, function = place.partition(":")
        assert callable(getattr(import_module(module), function))


def test_an_unknown_command_is_answered_with_a_near_one():
    assert refusal("statsu").endswith("(did you mean status or estimate?)")


def test_list_shows_all_choices_or_those_of_a_group(capsys):
    main(["list"])
    every = capsys.readouterr().out
    main(["list", "defense"])
    defenses = capsys.readouterr().out
    assert defenses in every
    for group in GROUPS:
        assert f"{group}:\n" in every
        assert all(f"\n  {name} " in every for name in choices(group))
    assert all(f"\n  {name} " in defenses for name in choices("defense"))
    assert "did you mean defense?" in refusal("list", "defence")


def test_explain_tells_a_keys_meaning_or_refuses_in_a_line(capsys):
    main(["explain", "defense.theta"])
    shown = capsys.readouterr().out
    assert "defense.theta" in shown
    assert "0.1" in shown
    assert "nonsense" in refusal("explain", "nonsense")


def test_run_is_train_py(tmp_path, monkeypatch, capsys):
    main(["run", *TINY])
    (folder,) = run_folders(tmp_path / "outputs")
    monkeypatch.setattr(sys, "argv", [str(ROOT / "train.py"), *TINY])
    runpy.run_path(sys.argv[0], run_name="__main__")
    assert f"already done: {folder.relative_to(tmp_path)}" in capsys.readouterr().err.replace(f"{tmp_path}/", "")
    assert run_folders(tmp_path / "outputs") == [folder]


def test_sweep_takes_a_name_a_file_or_overrides(tmp_path, capsys):
    basic = [*TINY, "hydra/launcher=basic", f"hydra.sweep.dir={tmp_path}/swept"]
    main(["sweep", "smoke", *basic, "attack=max", "defense=mean,ubar"])
    assert "2 of 2 runs done" in capsys.readouterr().err
    (manifest,) = (tmp_path / "swept").glob("sweep-*.json")
    names = sorted(run["name"] for run in json.loads(manifest.read_text())["runs"])
    assert names == [folder.name for folder in run_folders(tmp_path / "swept")]

    # The same runs, asked for in the two other ways.
    (tmp_path / "mine.yaml").write_text(
        "defaults: [/config, _self_]\nhydra: {mode: MULTIRUN, sweeper: {params: {defense: 'mean,ubar'}}}\n"
    )
    same = [*basic, "attack=max", "attack.br=0.34"]
    for asked in ["mine.yaml", *same], [*same, "defense=mean,ubar"]:
        main(["sweep", *asked])
        assert "2 of 2 runs are done already" in capsys.readouterr().err

    assert refusal("sweep", "smok").endswith("(did you mean smoke?)")


def test_status_reads_a_folder(tmp_path, capsys):
    write_manifest(tmp_path, [Planned(("seed=0",), tmp_path / "run")])
    main(["status", str(tmp_path)])
    assert capsys.readouterr().out.startswith("1 run: 1 missing")


@pytest.mark.parametrize("command", ["status", "figures", "report", "leaderboard", "compare"])
def test_a_command_on_a_folder_names_one_that_is_missing(command):
    if command == "report":
        pytest.importorskip("plotly", reason="the extra report is not installed")
    assert "nowhere" in refusal(command, *["nowhere"] * (2 if command == "compare" else 1))


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_reads_ends_a_command_quietly(unbuffered):
    """As in `byzdl list | head -1`."""
    assert unread("-m", "byzdl", "list", unbuffered=unbuffered) == (UNREAD, "")


def test_a_current_folder_that_is_gone_is_told(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert refusal("list") == "byzdl: the current folder has been removed; change to another one"


def test_any_other_broken_pipe_is_an_error():
    with pytest.raises(BrokenPipeError), door():
        raise BrokenPipeError
