"""Every error that a user can cause is in tests/messages.md, as it reads now."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import ROOT
from messages import LIST, text

from byzdl.analysis import AnalysisError
from byzdl.config.types import ConfigError, RuleError

ERRORS = (ConfigError, RuleError, AnalysisError)

# Errors that take a machine, a package, another process or a class of one's own: the tests of these files cause them.
ELSEWHERE = {
    "analysis": "damaged files, and frames of one's own",
    "attacks/messages.py": "a class of one's own",
    "commands/merge.py": "several folders of runs",
    "config/canonical.py": "an instance of one's own",
    "data/arrays.py": "a class of one's own",
    "data/dataset.py": "a class of one's own",
    "data/partition.py": "a class of one's own",
    "exchange": "a class of one's own",
    "models/base.py": "a class of one's own",
    "runs/unchanged.py": "a file that changes during a run",
    "simulation/answers.py": "a class of one's own",
    "simulation/trial.py": "a class of one's own",
    "sweeping/sockets.py": "a machine without a short folder",
    "testing": "a class of one's own",
}


@pytest.fixture(scope="module")
def caused() -> Iterator[tuple[str, set[tuple[str, int]]]]:
    """The list, and the lines of byzdl that raised while it was made."""
    lines: set[tuple[str, int]] = set()

    def noted(self: Exception, *arguments: object) -> None:
        Exception.__init__(self, *arguments)
        frame = sys._getframe(1)
        while frame is not None:
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back

    with pytest.MonkeyPatch.context() as patch:
        for error in ERRORS:
            patch.setattr(error, "__init__", noted)
        yield text(), lines


def test_the_list_is_as_written(caused: tuple[str, set[tuple[str, int]]]) -> None:
    assert caused[0] == LIST.read_text(encoding="utf-8"), "python tests/messages.py writes it anew; read what differs"


def test_every_error_is_in_the_list(caused: tuple[str, set[tuple[str, int]]]) -> None:
    missing = [f"{file}:{first}" for file, first, last in raising() if not caused[1] & {
        (str(ROOT / "byzdl" / file), line) for line in range(first, last + 1)
    }]
    assert not missing, "\n".join(missing) + "add a mistake that causes it to tests/mistakes.txt"


def raising() -> Iterator[tuple[str, int, int]]:
    """Every place in byzdl that makes an error: its file, its first and its last line."""
    for path in sorted((ROOT / "byzdl").rglob("*.py")):
        file = path.relative_to(ROOT / "byzdl").as_posix()
        if any(file == place or file.startswith(f"{place}/") for place in ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _made(node.func) in {error.__name__ for error in ERRORS}:
                yield file, node.lineno, node.end_lineno or node.lineno


def _made(function: ast.expr) -> str:
    """The class in `ConfigError(...)` and in `ConfigError.of(...)`."""
    inner = function.value if isinstance(function, ast.Attribute) and function.attr in ("of", "unknown") else function
    return inner.id if isinstance(inner, ast.Name) else ""


def test_an_error_made_elsewhere_is_really_made_there() -> None:
    for place in ELSEWHERE:
        assert (ROOT / "byzdl" / place).exists(), place
