"""Every base class and every public function has an example that runs; pytest collects it from the docstring."""

import importlib
import inspect

import pytest

import byzdl
from byzdl.config.types import Component

ROOMS = (
    "analysis",
    "attacks",
    "data",
    "defenses",
    "exchange",
    "models",
    "preaggregation",
    "simulation",
    "testing",
    "topology",
)
# Their functions are public, too, though no `__init__` names them.
MODULES = (
    "byzdl.config.compose",
    "byzdl.config.describe",
    "byzdl.commands.arguments",
    "byzdl.random_streams",
    "byzdl.sweeping.combinations",
    "byzdl.vectors.blocks",
    "byzdl.vectors.selection",
    "byzdl.vectors.sorting",
    "byzdl.vectors.weighted_sums",
)


def needs_example(value: object) -> bool:
    """Whether a public name is a function, or a class to derive from."""
    if inspect.isfunction(value):
        return True
    return inspect.isclass(value) and issubclass(value, Component) and value.__subclasses__() != [] and is_base(value)


def is_base(kind: type[Component]) -> bool:
    """Whether a class is no choice by itself: some method is left to its subclasses."""
    return any(
        "raise NotImplementedError" in inspect.getsource(value)
        for value in vars(kind).values()
        if inspect.isfunction(value)
    )


def public() -> list[tuple[str, object]]:
    found = [(f"byzdl.{name}", getattr(byzdl, name)) for name in byzdl.__all__]
    for room in ROOMS:
        module = importlib.import_module(f"byzdl.{room}")
        found += [(f"byzdl.{room}.{name}", getattr(module, name)) for name in module.__all__]
    for path in MODULES:
        module = importlib.import_module(path)
        own = [(name, value) for name, value in vars(module).items() if getattr(value, "__module__", "") == path]
        found += [(f"{path}.{name}", value) for name, value in own if not name.startswith("_")]
    return [(name, value) for name, value in found if needs_example(value)]


@pytest.mark.parametrize(("name", "value"), public(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_public_name_has_an_example(name, value):
    assert ">>> " in (inspect.getdoc(value) or ""), name
