"""Keys, defaults and comments, read from YAMLs."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from helpers import CONF, choices
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from byzdl.config.keys import GROUPS
from byzdl.config.yamls import Key, keys, names, target


def composed(*overrides: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose("config", list(overrides)), resolve=False)


@cache
def composed_together(rank: int) -> dict[str, Any]:
    """One configuration with the choice of this rank in every group that has so many, to save time."""
    chosen = {group: choices(group) for group in GROUPS}
    together: dict[str, Any] = composed(*(f"{group}={of[rank]}" for group, of in chosen.items() if rank < len(of)))
    return together


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in choices(group)])
def test_what_is_read_is_what_hydra_composes(group: str, name: str) -> None:
    hydras = {**composed_together(choices(group).index(name))[group]}
    file = CONF / group / f"{name}.yaml"
    assert target(file) == hydras.pop("_target_")
    assert {key: value(one.default) for key, one in keys(file).items()} == hydras


def value(default: str) -> Any:
    return OmegaConf.to_container(OmegaConf.create(f"value: {default}"), resolve=False)["value"]


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in choices(group)])
def test_every_key_has_a_comment(group: str, name: str) -> None:
    read = keys(CONF / group / f"{name}.yaml")
    assert not [key for key, one in read.items() if not one.comment and key != "name"]


def test_a_choice_of_ones_own_inherits_what_all_of_its_group_share(tmp_path: Path) -> None:
    (tmp_path / "attack").mkdir()
    file = tmp_path / "attack" / "mine.yaml"
    file.write_text("defaults: [/base/attack@_here_]\n_target_: mine.Mine\nname: mine\nbr: 0.5\nz: 2 # strength\n")
    own = composed("attack=mine", f"hydra.searchpath=[{tmp_path}]")["attack"]
    shared = {key: value for key, value in composed("attack=max")["attack"].items() if key not in ("_target_", "name")}
    assert own == {**shared, "_target_": "mine.Mine", "name": "mine", "br": 0.5, "z": 2}
    assert keys(file).keys() == own.keys() - {"_target_"}
    assert keys(file)["br"] == Key("0.5", keys(CONF / "base" / "attack.yaml")["br"].comment)
    assert names("attack", [CONF, tmp_path]) == sorted([*choices("attack"), "mine"])


def test_a_comment_of_its_own_replaces_an_inherited_one() -> None:
    shared = keys(CONF / "base" / "topology.yaml")["redraw_every"]
    assert keys(CONF / "topology" / "ring.yaml")["redraw_every"] == shared
    assert keys(CONF / "topology" / "complete.yaml")["redraw_every"].comment != shared.comment


def test_the_help_lists_groups_and_their_choices_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # restored in the end
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        shown = config.hydra.help.template
    for group in (*GROUPS, "experiment"):
        assert f"\n{group}: {', '.join(choices(group))}\n" in shown
    assert "base" not in shown
