"""Explanations of keys, choices and groups."""

import re

import pytest
from helpers import CONF, choices

from byzdl.config import describe as module
from byzdl.config.describe import describe
from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError
from byzdl.config.yamls import keys

EVERY = [(group, name) for group in GROUPS for name in choices(group)]


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_every_key_of_a_choice_is_explained(group: str, name: str) -> None:
    for key, one in keys(CONF / group / f"{name}.yaml").items():
        said = words(describe(f"{group}.{key}"))
        assert re.match(rf"{group}\.{key}: (?!.*Input)\S", said)
        assert name in said or f"every {group}" in said
        assert one.default in said
        assert one.comment in said


@pytest.mark.parametrize("key", keys(CONF / "config.yaml"))
def test_every_key_outside_of_groups_is_explained(key: str) -> None:
    said = words(describe(key))
    assert re.match(rf"{key}: (?!.*Input)\S", said)
    assert f"default {keys(CONF / 'config.yaml')[key].default}" in said


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_every_choice_is_explained_with_its_keys(group: str, name: str) -> None:
    said = describe(f"{group}={name}")
    assert said in describe(name), "a choice is found without its group, too"
    for key, one in keys(CONF / group / f"{name}.yaml").items():
        if key != "name":
            assert re.search(rf"^  {group}\.{key} +{re.escape(one.default)}", said, re.MULTILINE)


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_is_explained_with_all_of_its_choices(group: str) -> None:
    listed = module.choices(group)
    assert list(listed) == choices(group)
    said = words(describe(group))
    for name, line in listed.items():
        assert line
        assert "\n" not in line
        assert words(f"{name} {line}") in said


def test_choices_of_one_class_are_told_apart() -> None:
    for group in GROUPS:
        lines = list(module.choices(group).values())
        assert len(set(lines)) == len(lines)


def test_a_key_has_its_type_its_docstring_its_defaults_and_its_comments() -> None:
    said = describe("attack.z")
    alie, rop = said.split("attack.z: ")[1:]
    assert alie.startswith("a finite number, baruch or paper\n\n  ")
    assert "Phi^-1((n - B - s) / (n - B))" in alie
    assert [line.partition(":")[0] for line in alie.splitlines() if "default" in line] == [
        "  default baruch (alie)",
        "  default 1.5 (alie_1.5)",
        "  default 10 (alie_10)",
    ]
    assert "default 1.0 (rop)" in rop


def test_a_key_that_a_choice_inherits_is_the_choices_too() -> None:
    assert "(bounded, guarded, loss_threshold)" in describe("defense.theta")
    assert "(every attack but none)" in describe("attack.br")
    assert "(every attack)" in describe("attack.start")


def test_a_key_may_be_typed_without_its_group() -> None:
    assert describe("theta") == describe("defense.theta")
    assert describe("lr") == describe("optimizer.lr")
    assert describe("alpha") == f"{describe('defense.alpha')}\n\n{describe('partition.alpha')}"
    assert describe("optimizer").startswith(describe("optimizer.lr"))


def test_an_experiment_is_explained_by_what_it_sets() -> None:
    assert re.search(r"^  batch_size +256", describe("experiment=paper"), re.MULTILINE)
    assert describe("paper") == describe("experiment=paper")
    assert describe("experiment=paper") in describe("experiment")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("defense.thetta", "did you mean defense.theta or "),
        ("defence", "did you mean defense or "),
        ("defense=ubra", "did you mean ubar"),
        ("defense=krum", "did you mean d_krum?"),
        ("MOZI", "did you mean ubar?"),
        ("defens=ubar", "did you mean defense?"),
        ("qqq", "qqq', but must be a key such as"),
    ],
)
def test_an_unknown_name_is_answered_with_one_line_and_near_ones(key: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(hint)) as error:
        describe(key)
    assert "\n" not in str(error.value)


def test_an_unknown_group_has_no_choices() -> None:
    with pytest.raises(ConfigError, match=r"group is 'attacks', but must be one of .* \(did you mean attack"):
        module.choices("attacks")
