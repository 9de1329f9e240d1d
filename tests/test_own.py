"""Every example in docs/own.md runs as it stands there, in a row, and so do its commands."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, byzdl_here, run_folders

BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / "docs" / "own.md").read_text(encoding="utf-8"), re.M | re.S)
CLASSES = ("Clip", "Trust", "Apart", "Stale", "Stripes", "TwoCamps", "OneConvolution")


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_there_is_no_other_code():
    assert {kind for kind, _ in BLOCKS} == {"python", "yaml", "bash"}


def test_every_example_runs_and_keeps_the_contracts():
    namespace: dict[str, Any] = {"__name__": "own"}
    for number, text in enumerate(blocks("python")):
        exec(compile(text, f"own.md, block {number}", "exec"), namespace)
        if "byzdl.run" in text:
            assert namespace["run"].rounds["round"].iloc[-1] == 5
    assert namespace["by_hand"].model.round(4).tolist() == [0.1667, 0.3333]
    code = "".join(blocks("python"))
    for name in CLASSES:
        assert re.search(rf"^check_\w+\({name}\(\)\)", code, re.M), f"{name} is not checked"
        assert re.search(rf"byzdl\.run\(.*\b{name}\(", code), f"{name} is not run"


def test_the_first_example_is_a_choice_of_the_command_line():
    Path("clip.py").write_text(blocks("python")[0])
    (text,) = blocks("yaml")
    Path("mine/defense").mkdir(parents=True)
    Path("mine/defense/clip.yaml").write_text(text)
    (commands,) = blocks("bash")
    for command in commands.splitlines():
        program, *arguments = shlex.split(command)
        assert program == "byzdl"
        done = byzdl_here(*arguments, cwd=Path.cwd())
        assert done.returncode == 0, done.stderr
    # The sweep finds the run of the first command.
    assert len(run_folders(Path("outputs"))) == 3
