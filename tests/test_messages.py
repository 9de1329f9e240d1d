"""Every error that a user can cause is in tests/messages.md, as it reads now."""

import ast
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from command_line import ROOT
from messages import LIST, text

from byzdl.analysis import AnalysisError
from byzdl.config.types import ConfigError, RuleError

ERRORS = (ConfigError, RuleError, AnalysisError)

# Errors that take a machine, a package, another process or a class of one's own: the tests of these files cause them.
ELSEWHERE = {
    "analysis": "damaged files, and frames of one's own",
    "api/sweep.py": "a file that changes during a sweep",
    "attacks/messages.py": "a class of one's own",
    "commands/merge.py": "several folders of runs",
    "config/canonical.py": "an instance of one's own",
    "data/arrays.py": "a class of one's own",
    "data/dataset.py": "a class of one's own",
    "data/huggingface.py": "a package that may be missing",
    "data/own_file.py:_of": "a file that nobody may read",
    "data/label_skew.py": "data in which a class is rare",
    "data/partition.py": "a class of one's own",
    "data/stacked.py": "data of torchvision",
    "data/vision.py": "data of torchvision",
    "exchange": "a class of one's own",
    "models/base.py": "a class of one's own",
    "models/vision.py": "networks of torchvision",
    "runs/execute.py:_is_done": "data in another folder",
    "runs/objective.py": "a run's own tables",
    "runs/unchanged.py": "a file that changes during a run",
    "runs/writers.py": "a package that is missing",
    "simulation/answers.py": "a class of one's own",
    "simulation/settings.py:_check_device": "a machine without a GPU",
    "simulation/trial.py": "a class of one's own",
    "sweeping/sweeper.py:setup": "a package that is missing",
    "sweeping/sockets.py": "a machine without a short folder",
    "sweeping/combinations.py:combinations": "whatever else Hydra refuses",
    "testing": "a class of one's own",
    "topology/draw.py:_check": "a class of one's own",
}


def test_the_list_is_as_written_and_lacks_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: set[tuple[str, int]] = set()

    def noted(self: Exception, *arguments: object) -> None:
        Exception.__init__(self, *arguments)
        frame = sys._getframe(1)
        while frame is not None:
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back

    for error in ERRORS:
        monkeypatch.setattr(error, "__init__", noted)
    assert text() == LIST.read_text(encoding="utf-8"), "python tests/messages.py writes it anew; read what differs"

    def told(place: Place) -> bool:
        return any((str(ROOT / "byzdl" / place.file), line) in lines for line in range(place.first, place.last + 1))

    missing = [f"{place.file}:{place.first}" for place in raising() if not told(place) and not elsewhere(place)]
    assert not missing, "add a mistake that causes it to tests/mistakes.txt, one for each line"


def test_no_entry_of_the_table_is_left_over() -> None:
    assert [known for known in ELSEWHERE if not any(_is_in(place, known) for place in raising())] == []


class Place(NamedTuple):
    """A place in byzdl that makes an error: its file, its function, its first and its last line."""

    file: str
    function: str
    first: int
    last: int


def elsewhere(place: Place) -> bool:
    return any(_is_in(place, known) for known in ELSEWHERE)


def _is_in(place: Place, known: str) -> bool:
    return known in (place.file, f"{place.file}:{place.function}") or place.file.startswith(f"{known}/")


def raising() -> Iterator[Place]:
    for path in sorted((ROOT / "byzdl").rglob("*.py")):
        file = path.relative_to(ROOT / "byzdl").as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _made(node.func) in {error.__name__ for error in ERRORS}:
                last = node.end_lineno or node.lineno
                around = [one.name for one in functions if one.lineno <= node.lineno and last <= (one.end_lineno or 0)]
                yield Place(file, around[-1] if around else "", node.lineno, last)


def _made(function: ast.expr) -> str:
    """The class in `ConfigError(...)` and in `ConfigError.of(...)`."""
    inner = function.value if isinstance(function, ast.Attribute) and function.attr in ("of", "unknown") else function
    return inner.id if isinstance(inner, ast.Name) else ""
