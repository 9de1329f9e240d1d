"""What tells one run from another."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from byzdl.config.compose import compose
from byzdl.config.identity import identity, run_name

CONFIG: dict[str, Any] = {
    "seed": 0,
    "rounds": 10,
    "device": "cpu",
    "threads": 1,
    "optimizer": {"lr": 0.1, "momentum": 0.9},
    "attack": {"name": "max", "br": 0.3},
    "defense": {"name": "ubar", "alpha": 0.5},
    "topology": {"name": "ring", "n": 10},
    "dataset": {"name": "digits", "root": "data", "cache": "cache"},
    "partition": {"name": "iid"},
    "model": {"name": "cnn", "channels": [1, 2]},
}


def changed(path: str, value: object) -> dict[str, Any]:
    group, _, key = path.rpartition(".")
    return {**CONFIG, group: {**CONFIG[group], key: value}} if group else {**CONFIG, key: value}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed", 1),
        ("rounds", 11),
        ("optimizer.momentum", 0),
        ("attack.br", 0.31),
        ("defense.alpha", 0.25),
        ("defense.extra", None),
        ("dataset.name", "mine"),
        ("topology.checksum", "d1d2d3"),
        ("model.channels", [2, 1]),
    ],
)
def test_whatever_can_change_a_result_changes_the_name(path: str, value: object) -> None:
    assert identity(changed(path, value)) != identity(CONFIG)
    assert run_name(changed(path, value)) != run_name(CONFIG)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("device", "cuda"),
        ("threads", 8),
        ("writer", "tensorboard"),
        ("dataset.root", "/elsewhere"),
        ("dataset.cache", "/tmp"),
        ("topology.path", "/elsewhere/graph.edges"),
    ],
)
def test_the_machine_is_no_part_of_it(path: str, value: object) -> None:
    assert run_name(changed(path, value)) == run_name(CONFIG)


def test_a_graph_of_ones_own_is_known_by_what_is_in_its_file(tmp_path: Path) -> None:
    def found(name: str) -> str:
        return identity(compose("topology=file", f"topology.path={tmp_path / name}"))

    (tmp_path / "a.edges").write_text("0 1\n")
    shutil.copy(tmp_path / "a.edges", tmp_path / "moved.edges")
    first = found("a.edges")
    assert found("moved.edges") == first
    (tmp_path / "a.edges").write_text("0 1\n1 2\n")
    assert len({first, found("a.edges"), found("nowhere.edges")}) == 3


def test_hydras_own_part_and_the_order_of_keys_do_not_matter() -> None:
    assert identity({**dict(reversed(CONFIG.items())), "hydra": {"job": 3}}) == identity(CONFIG)


def test_zero_is_zero_however_it_is_written() -> None:
    assert identity(changed("attack.br", 0)) == identity(changed("attack.br", 0.0))


@pytest.mark.parametrize(
    ("attack", "key", "name"),
    [("alie_1.5", "z", "alie z="), ("alie_10", "z", "alie z="), ("ipm_1.1", "epsilon", "ipm epsilon=")],
)
def test_a_name_that_tells_a_strength_tells_the_one_in_use(attack: str, key: str, name: str) -> None:
    given = compose(f"attack={attack}")["attack"]
    other = compose(f"attack={attack}", f"attack.{key}=3")["attack"]
    hashes = {identity(compose(f"attack={attack}", f"attack.{key}={x}")) for x in ("3", "3.0")}
    assert given["name"] == f"{name}{attack.partition('_')[2]}"
    assert other["name"] == f"{name}3"
    assert len(hashes) == 1


def test_a_name_is_readable_and_safe() -> None:
    assert run_name(CONFIG).startswith("digits-iid-ring10-max-br0.3-ubar-s0-")
    hostile = run_name(changed("defense.name", "../../etc/passwd \n x"))
    assert "/" not in hostile
    assert not any(character.isspace() for character in hostile)
    assert ".." not in run_name(changed("dataset.name", "..")).split("-")[0]


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "..", "a\\b", "a;rm -rf b", "a\0b\nc", "é" * 300, ""])
def test_a_run_is_named_by_harmless_characters_whatever_its_choices_are_called(name: str) -> None:
    for path in ("attack.name", "defense.name", "dataset.name", "seed", "attack.br", "topology.n"):
        folder = run_name(changed(path, name))
        assert re.fullmatch(r"\w[\w.-]*", folder, re.ASCII), folder
        assert len(folder) <= 255
