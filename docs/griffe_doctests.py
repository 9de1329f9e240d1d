"""Extends griffe for the API reference: examples in docstrings become blocks of code."""

import re
from typing import Any

import griffe

# An example reaches from its first prompt to the next blank line.
EXAMPLE = re.compile(r"^([ ]*)(>>> .*(?:\n[ ]*\S.*)*)", re.MULTILINE)


class Doctests(griffe.Extension):
    """Fences examples, which Markdown would take for quotations."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        # `on_object` sees everything but the package itself.
        self.on_object(obj=pkg)


def fenced(docstring: str) -> str:
    """Returns the docstring with a fence around each example."""
    return EXAMPLE.sub(r"\1```pycon\n\1\2\n\1```", docstring)
