"""The identity of a class without a file covers all that its methods use."""

import sys
from functools import cache, partial
from typing import ClassVar

import numpy as np
import pytest
import torch

from byzdl.config.content import sources
from byzdl.config.identity import identity
from byzdl.config.live_code import live_code
from byzdl.defenses import Defense
from byzdl.defenses.ubar import Ubar
from byzdl.exchange import Mix
from byzdl.files import checksum as checksum_of

CELL = """
class Rule(Defense):
    def aggregate(self, state, inbox):
        return state, Mix(scaled(inbox))

    @property
    def levels(self):
        return [LEVEL * one for one in (1, 2)]
"""
HELPER = "def scaled(inbox): return FACTOR * inbox.own"


def checksum(cell=CELL, helper=HELPER, **constants):
    """That of the class in a cell, beside a helper and constants from other cells; each is compiled without a file."""
    namespace = {"__name__": "__main__", "Defense": Defense, "Mix": Mix, "FACTOR": 1.0, "LEVEL": 2, **constants}
    exec(helper, namespace)
    exec(cell, namespace)
    return live_code(namespace["Rule"]).checksum


def test_a_class_with_a_file_needs_no_checksum():
    assert live_code(Ubar) is None


def test_the_same_code_has_the_same_checksum():
    assert checksum() == checksum()
    assert checksum(OTHER=3) == checksum()


def test_what_the_methods_use_changes_the_checksum():
    found = [
        checksum(),
        checksum(cell=CELL.replace("(1, 2)", "(1, 3)")),
        checksum(helper=HELPER.replace("*", "+")),
        checksum(FACTOR=1.5),
        checksum(LEVEL=3),
        checksum(LEVEL=[1, "a"]),
        checksum(LEVEL={"a": {1, 2}}),
        checksum(LEVEL=np.arange(3)),
        checksum(LEVEL=torch.zeros(3)),
    ]
    assert None not in found
    assert len(set(found)) == len(found)


def test_variables_around_a_class_count():
    def made(share):
        class Rule(Defense):
            def aggregate(self, state, inbox):
                return state, Mix(share * inbox.own + super().name)

        Rule.__module__ = "__main__"
        return Rule

    assert live_code(made(0.5)) == live_code(made(0.5))
    assert live_code(made(0.5)) != live_code(made(0.6))


def test_objects_that_are_no_constants_are_left_out():
    assert checksum(LEVEL=object()) == checksum(LEVEL=torch.nn.Linear(1, 1))


def test_a_class_made_by_a_function_counts_the_variables_there_even_in_a_file():
    """Its module is a file, but the file alone does not tell two such classes apart."""

    def made(share):
        class Rule(Defense):
            factor: ClassVar = share

            def aggregate(self, state, inbox):
                return state, Mix(inbox.own)

        return Rule

    assert made(0.5).__module__ == __name__
    assert live_code(made(0.5)) == live_code(made(0.5))
    assert live_code(made(0.5)) != live_code(made(0.6))


def scale(factor, x):
    return factor * x


class Scaled:
    def __init__(self, factor):
        self.factor = factor


def test_functions_and_objects_within_constants_count():
    found = [
        checksum(LEVEL=LEVEL)
        for LEVEL in (
            [lambda x: x + 1],
            [lambda x: x + 2],
            {"a": partial(scale, 1)},
            {"a": partial(scale, 2)},
            {"a": partial(scale, x=2)},
            Scaled(1),
            Scaled(2),
            cache(lambda x: x + 3),
        )
    ]
    assert len(set(found)) == len(found)
    assert checksum(LEVEL=Scaled(1)) == checksum(LEVEL=Scaled(1))


CELLS = {
    "a module": "import helper\n\ndef scaled(x): return helper.x * x",
    "a function": "from helper import scaled",
    "an import within": "def scaled(x):\n    from helper import x as y\n    return y",
    "a package": "def scaled(x):\n    import pack.inner as y\n    return y",
    "a list": "import helper\nscaled = [helper.scaled]",
}


@pytest.mark.parametrize("cell", CELLS)
def test_modules_that_a_cell_imports_are_named(cell, tmp_path, monkeypatch):
    (tmp_path / "helper.py").write_text("x = 1\ndef scaled(y): return x * y\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    namespace = {"__name__": "__main__", "Defense": Defense, "Mix": Mix, "FACTOR": 1.0, "LEVEL": 2}
    exec(CELLS[cell], namespace)
    exec(CELL, namespace)
    found = live_code(namespace["Rule"])
    sys.modules.pop("helper", None)
    assert found is not None
    assert {name.partition(".")[0] for name in found.uses} == {"pack" if cell == "a package" else "helper"}


def test_a_module_that_a_cell_uses_is_in_the_identity(tmp_path, monkeypatch):
    (tmp_path / "helper.py").write_text("x = 1\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    config = {"defense": {"_target_": "__main__.Rule", "_source_": "abc", "_uses_": ["helper"]}}
    before = identity(config)
    assert sources(config) == {str(tmp_path / "helper.py"): checksum_of(tmp_path / "helper.py")}
    (tmp_path / "helper.py").write_text("x = 2\n")
    assert identity(config) != before
