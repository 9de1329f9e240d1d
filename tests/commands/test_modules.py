"""`python -m MODULE`: a module that looks like a command is one."""

import ast
import logging
import runpy
import sys
from pathlib import Path

import pytest

import byzdl
from byzdl.analysis import compare
from byzdl.commands import status

PACKAGE = Path(byzdl.__file__).parent


def looks_like_a_command(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in tree.body)


FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if looks_like_a_command(file)]


def test_all_of_them_are_found():
    assert {Path(compare.__file__), Path(status.__file__), PACKAGE / "commands" / "runs.py"} < set(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_with_a_main_calls_it(file):
    guarded = [part for part in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(part, ast.If)]
    (guard,) = [part for part in guarded if ast.unparse(part.test) == "__name__ == '__main__'"]
    assert any(isinstance(call, ast.Call) and ast.unparse(call.func) == "main" for call in ast.walk(guard))


@pytest.mark.parametrize(("module", "arguments"), [(compare, ["here", "there"]), (status, ["here"])])
def test_it_answers_wrong_input_in_a_line(module, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(module.__file__), *arguments])
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(SystemExit, match=r"^byzdl: here: no such folder$"):
        runpy.run_path(str(module.__file__), run_name="__main__")
