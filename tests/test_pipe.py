"""Output that nobody reads, as behind `| head`: every command ends quietly, with the exit code of SIGPIPE."""

import re

import pytest
from command_line import ROOT, unread

from byzdl.analysis import __main__ as figures
from byzdl.analysis import compare, leaderboard
from byzdl.commands import status
from byzdl.pipe import UNREAD


def unread_program(code: str, unbuffered: str = "") -> tuple[int, str]:
    """A program behind the reader, whose output has no reader."""
    script = "import sys\nfrom byzdl.pipe import reader\nwith reader():\n" + "".join(
        f"    {line}\n" for line in code.splitlines()
    )
    return unread("-c", script, unbuffered=unbuffered)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("lines", [1, 100_000])
def test_unread_lines_end_a_program_quietly(lines, unbuffered):
    assert unread_program(f"for i in range({lines}): print(i)", unbuffered) == (UNREAD, "")


def test_help_that_nobody_reads_ends_quietly_too():
    assert unread_program("import argparse; argparse.ArgumentParser().parse_args(['--help'])") == (UNREAD, "")


def test_a_failure_stays_one():
    assert unread_program("print('a line'); sys.exit('byzdl: wrong')") == (1, "byzdl: wrong\n")


MAINS = {
    figures: ["here"],
    leaderboard: ["here"],
    compare: ["here", "there"],
    status: ["here"],
}


@pytest.mark.parametrize("module", MAINS, ids=lambda module: module.__name__)
def test_no_command_takes_its_reader_for_a_file_that_fails(module, monkeypatch):
    def gone(*folders, **more):
        raise BrokenPipeError

    name = {compare: "match", status: "standings"}.get(module, "find")
    monkeypatch.setattr(module, name, gone)
    if module is compare:
        monkeypatch.setattr(module, "_done", gone)
    with pytest.raises(BrokenPipeError):
        module.main(MAINS[module])


def test_every_module_that_is_a_program_has_a_reader():
    programs = [
        file
        for place in (ROOT / "byzdl", ROOT / "docs", ROOT / "benchmarks", ROOT)
        for file in (place.rglob("*.py") if place.name == "byzdl" else place.glob("*.py"))
        if re.search(r"^if __name__ == .__main__.:", text := file.read_text(encoding="utf-8"), re.MULTILINE)
        and "print(" in text
    ]
    assert len(programs) >= 5
    behind = re.compile(r"with (door|reader)\(\):|from byzdl\.commands\.main import main")
    assert [file.name for file in programs if not behind.search(file.read_text(encoding="utf-8"))] == []
