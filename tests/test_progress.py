"""A progress bar is shown to people, in a terminal or a notebook, and to nobody else."""

import io
import sys

import pytest

from byzdl.progress import bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Notebook(io.StringIO):
    """Like ipykernel's stream, which says that it is no terminal."""


Notebook.__module__ = "ipykernel.iostream"


@pytest.mark.parametrize(
    ("stream", "drawn"), [(Terminal, True), (Notebook, True), (io.StringIO, False)], ids=lambda value: str(value)
)
@pytest.mark.parametrize("shown", [True, False])
def test_a_bar_is_for_terminals_and_notebooks(monkeypatch, stream, drawn, shown):
    monkeypatch.setattr(sys, "stderr", stream())
    with bar(4, "round", shown=shown) as progress:
        progress.update(1)
        progress.refresh()
        said = sys.stderr.getvalue()
    assert ("1/4" in said and "round" in said) == (drawn and shown)
    # Nothing of it is left behind.
    assert not sys.stderr.getvalue().rpartition("\r")[0].rpartition("\r")[2].strip()
