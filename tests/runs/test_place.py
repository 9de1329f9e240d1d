"""Folders that nothing can be written to: one line that names the key, for a run and for a sweep."""

import logging
import os
import re
import sys
from pathlib import Path

import pytest
from command_line import TINY

from byzdl.commands.main import main
from byzdl.config.types import ConfigError
from byzdl.runs.place import check_place, placed

LONG = "x" * 300


@pytest.fixture(autouse=True)
def _process(tmp_path, monkeypatch):
    """A folder with a file in it, and a process that keeps nothing of what a command sets for itself."""
    monkeypatch.chdir(tmp_path)
    Path("a_file").touch()
    Path("nowhere").symlink_to("gone")
    Path("circle").symlink_to("circle")
    monkeypatch.setattr(sys, "argv", ["byzdl"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")


def refusal(*arguments: str) -> str:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    return str(refused.value.code)


WHY = {
    "/dev/null/x": "/dev/null is no folder",
    "a_file": "a_file is no folder",
    "a_file/x/y": "a_file is no folder",
    "nowhere": "nowhere is no folder",
    "circle": "Too many levels of symbolic links",
    LONG: "File name too long",
    f"{LONG}/x": "File name too long",
}


@pytest.mark.parametrize("folder", WHY)
def test_a_folder_that_cannot_be_made_is_named_with_its_key_and_the_reason(folder):
    line = (
        f"hydra.run.dir is '{folder}', but must be a folder to write to, such as outputs/${{run_name:}} ({WHY[folder]})"
    )
    with pytest.raises(ConfigError, match=f"^{re.escape(line)}$"):
        check_place("hydra.run.dir", Path(folder))
    with pytest.raises(ConfigError), placed("hydra.run.dir", Path(folder)):
        Path(folder).mkdir(parents=True)


def test_a_folder_that_is_not_ours_to_write_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != tmp_path)  # root may write anywhere
    (tmp_path / "inside").mkdir()
    check_place("folder", tmp_path / "inside" / "new")
    with pytest.raises(
        ConfigError, match=rf"^folder is '.*new', but must be a folder to write to \({tmp_path} cannot be"
    ):
        check_place("folder", tmp_path / "new")


def test_an_error_for_another_reason_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), placed("hydra.run.dir", tmp_path / "run"):
        (tmp_path / "other").read_text()


@pytest.mark.parametrize("folder", ["/dev/null/x", LONG])
def test_a_run_and_a_sweep_name_the_key_of_their_folder(folder):
    why = WHY[folder]
    run = refusal("run", *TINY, f"hydra.run.dir={folder}")
    assert run.startswith("byzdl: hydra.run.dir is '")
    assert run.endswith(f"but must be a folder to write to, such as outputs/${{run_name:}} ({why})")
    sweep = refusal("sweep", *TINY, f"hydra.sweep.dir={folder}")
    assert sweep == f"byzdl: hydra.sweep.dir is '{folder}', but must be a folder to write to, such as outputs ({why})"


@pytest.mark.parametrize(
    ("subdir", "takes"),
    [
        (LONG, "a folder to write to, such as ${run_name:} (File name too long)"),
        ("../a_file/${seed}", "a folder to write to, such as ${run_name:} (outputs/../a_file is no folder)"),
        (
            "${hydra.job.num}",
            "a name that follows from the configuration alone, such as ${run_name:}, and not from a job's number",
        ),
        (
            "run-${hydra:job.id}",
            "a name that follows from the configuration alone, such as ${run_name:}, and not from a job's number",
        ),
    ],
)
def test_a_sweep_names_the_key_of_a_wrong_subdir(subdir, takes):
    told = refusal("sweep", *TINY, "seed=0,1", f"hydra.sweep.subdir='{subdir}'")
    assert "hydra.sweep.subdir is '" in told
    assert f"but must be {takes}" in told
    assert "Error" not in told
    assert len(told.splitlines()) <= 3
