"""What differs never shares a folder, and what is equal always does, whatever the values, names and modules are.

Configurations, packages and plans are generated.
"""

import copy
import json
import math
import random
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl.config.content import sources
from byzdl.config.identity import identity, run_name
from byzdl.config.keys import MACHINE_KEYS, SEALED
from byzdl.config.machine import differing, value_of
from byzdl.files import checksum
from byzdl.sweeping.plan import planned

QUICK = settings(max_examples=25, deadline=None)

texts = st.one_of(st.text(max_size=50), st.sampled_from(["", "1", "null", "nan", "true", "a" * 45, "../..", "é" * 50]))
numbers = st.one_of(st.integers(-3, 3), st.floats(width=16), st.sampled_from([1e3, 1e22, -0.0, 0.1 + 0.2, 0.3]))
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
keys = st.text("abcxyz", min_size=1, max_size=3)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
choices = st.fixed_dictionaries({"name": texts, "br": numbers, "n": numbers, "x": trees, "y": trees})
configs = st.fixed_dictionaries(
    {"seed": numbers, "attack": choices, "topology": choices, "model": st.just({"name": "cnn"})},
)


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same: a definition apart from that of byzdl."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return type(one) is type(other) and one == other


def respelt(value: Any, chance: random.Random) -> Any:
    """The same value, written otherwise: keys in another order, integers as floats, lists as tuples."""
    if isinstance(value, dict):
        items = [(key, respelt(inner, chance)) for key, inner in value.items()]
        return dict(chance.sample(items, len(items)))
    if isinstance(value, list):
        inner = [respelt(one, chance) for one in value]
        return tuple(inner) if chance.random() < 0.5 else inner
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if chance.random() < 0.5 else value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def on_a_machine(config: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same configuration, with all keys of some machine."""
    found = copy.deepcopy(config)
    for key in MACHINE_KEYS:
        group, _, last = key.rpartition(".")
        (found.setdefault(group, {}) if group else found)[last] = f"{key} {chance.random()}"
        if key in SEALED:
            found[group][SEALED[key]] = "5cc3a6551605"
    return {**found, "hydra": {"job": {"num": chance.random()}}}


@QUICK
@given(configs, st.randoms(use_true_random=False))
def test_one_configuration_has_one_folder_on_all_machines_in_any_spelling(config, chance):
    assert run_name(on_a_machine(respelt(config, chance), chance)) == run_name(on_a_machine(config, chance))


@QUICK
@given(configs, st.sampled_from(["attack", "topology"]), st.sampled_from(["x", "br", "n"]), trees)
def test_one_other_value_is_another_folder(config, group, key, value):
    other = {**config, group: {**config[group], key: value}}
    assert (run_name(config) == run_name(other)) == same(config[group][key], value)


@QUICK
@given(configs, st.sampled_from(["x", "n"]))
def test_values_under_exchanged_keys_are_another_folder(config, key):
    attack, topology = config["attack"], config["topology"]
    for one, other in (
        ({**config, "attack": topology, "topology": attack}, same(attack, topology)),
        ({**config, "attack": {**attack, "y": attack[key], key: attack["y"]}}, same(attack[key], attack["y"])),
        ({**config, "attack": {**attack, key: topology[key]}}, same(attack[key], topology[key])),
    ):
        assert (run_name(config) == run_name(one)) == other


@QUICK
@given(configs, texts, st.sampled_from(["attack", "topology", "model"]))
def test_a_folder_has_a_harmless_name_and_tells_names_apart(config, name, group):
    other = {**config, group: {**config[group], "name": name}}
    assert re.fullmatch(r"\w[\w.-]{0,254}", run_name(other), re.ASCII)
    assert (run_name(config) == run_name(other)) == (config[group]["name"] == name)


# Plans

machines = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1),
        "device": st.sampled_from(["cpu", "cuda"]),
        "threads": st.sampled_from([1, 1.0, 2]),
        "writer": st.sampled_from(["none", "wandb"]),
        "checkpoint": st.fixed_dictionaries({"every": st.sampled_from(["60s", 100])}),
        "dataset": st.fixed_dictionaries(
            {"root": st.sampled_from(["a", "./a", "b"]), "checksum": st.sampled_from([None, "x", "y"])},
        ),
    }
)


def told_apart(config: dict[str, Any]) -> str:
    """What makes a person want two results."""
    content = config["dataset"]["checksum"] or str(Path(config["dataset"]["root"]).resolve())
    return json.dumps([config["seed"], config["device"], int(config["threads"]), content])


@QUICK
@given(st.lists(machines, min_size=1, max_size=8))
def test_a_plan_computes_or_refuses_whatever_somebody_may_want_apart(found):
    plan = planned(
        [(str(index),) for index in range(len(found))],
        lambda overrides: (found[int(overrides[0])], Path("nowhere") / run_name(found[int(overrides[0])])),
    )
    computed = {told_apart(found[int(run.overrides[0])]) for run in plan if not run.refused}
    refused = {told_apart(found[int(run.overrides[0])]) for run in plan if run.refused}
    assert computed | refused == {told_apart(config) for config in found}
    assert len([run for run in plan if not run.refused]) == len({run_name(config) for config in found})
    for run in plan:
        if run.refused:  # It names the key, and both values.
            (first,) = [one for one in plan if one.folder == run.folder and not one.refused]
            one, other = found[int(first.overrides[0])], found[int(run.overrides[0])]
            key = differing(one, other)
            assert key is not None
            assert run.refused.startswith(
                f"{key} is {value_of(other, key)!r}, but must be {value_of(one, key)!r} as in "
            )


# Packages

IMPORTS = (
    "import {name}",
    "import {name} as x",
    "from {name} import *",
    "from {name} import x",
    "def f():\n    import {name}",
    "import importlib\nimportlib.import_module('{name}')",
    "try:\n    import {name}\nexcept ImportError:\n    pass",
)


@st.composite
def packages(draw: st.DrawFn) -> tuple[dict[str, list[int]], list[str], list[str]]:
    """Modules, which of them each one imports, and how it is written."""
    names = draw(st.lists(st.sampled_from(["m0", "m1", "p.m2", "p.m3", "p.q.m4", "n.m5"]), min_size=2, unique=True))
    edges = {name: draw(st.lists(st.integers(0, len(names) - 1), max_size=3, unique=True)) for name in names}
    return edges, names, draw(st.lists(st.sampled_from(IMPORTS), min_size=3, max_size=3))


def written(root: Path, edges: dict[str, list[int]], names: list[str], ways: list[str]) -> None:
    for folder in ("p", "p/q", "n"):
        (root / folder).mkdir(exist_ok=True)
        if folder != "n":  # a package without an __init__
            (root / folder / "__init__.py").write_text("")
    for name, imported in edges.items():
        lines = [way.format(name=names[at]) for at, way in zip(imported, ways, strict=False)]
        (root / f"{name.replace('.', '/')}.py").write_text("\n".join([*lines, "class Rule: pass", ""]))


def reached(edges: dict[str, list[int]], names: list[str]) -> set[str]:
    """The modules behind the first one, with the packages above them."""
    seen, todo = set(), [names[0]]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [names[at] for at in edges[name]]
    above = {name.rpartition(".")[0] for name in seen} | {"p" for name in seen if name.startswith("p.")}
    return seen | {f"{package}.__init__" for package in above - {"", "n"}}


@QUICK
@given(packages(), st.data())
def test_an_edit_makes_a_new_run_exactly_if_the_class_reaches_the_file(package, data):
    edges, names, ways = package
    with TemporaryDirectory() as folder, patch.object(sys, "path", [*sys.path, folder]):
        root = Path(folder)
        written(root, edges, names, ways)
        config = {"defense": {"_target_": f"{names[0]}.Rule", "name": "mine"}}
        before, behind = identity(config), reached(edges, names)
        expected = {root / f"{name.replace('.', '/')}.py" for name in behind}
        assert sources(config) == {str(file): checksum(file) for file in expected}
        edited = data.draw(st.sampled_from(sorted(root.rglob("*.py"))))
        text = edited.read_text()
        edited.write_text(f"{text}# edited\n")
        assert (identity(config) != before) == (edited in expected)
        edited.write_text(text)
        assert identity(config) == before
