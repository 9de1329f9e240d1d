"""The identity of a class without a file covers all that its methods use."""

import numpy as np
import torch

from byzdl.config.live_code import live_code
from byzdl.defenses import Defense
from byzdl.defenses.ubar import Ubar
from byzdl.exchange import Mix

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
