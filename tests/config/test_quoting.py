"""Paths and other texts with special characters, as they are typed behind `KEY=`."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl.config.quoting import quoted, typed
from byzdl.config.types import ConfigError


def values(override: str) -> list[object]:
    """What Hydra takes an override for: each value of a sweep, or the only one."""
    (parsed,) = OverridesParser.create().parse_overrides([override])
    swept = parsed.sweep_iterator() if parsed.is_sweep_override() else [parsed.value()]
    return [value.text if isinstance(value, QuotedString) else value for value in swept]


@pytest.mark.parametrize(
    "path",
    [
        "~/a",
        "~",
        "~user/a",
        "/data/a b",
        "/data/a (1)",
        "/data/(1)/x",
        "/data/a=b",
        "/data/ü/日本",
        "/data/bob's",
        "/data/#1&2;3!",
        "/data/a[0]",
        "/data/{a}",
        "C:\\data",
        "C:\\my data\\a(1)",
        "C:/data",
        "host:/data",
        "$HOME/x",
        "/data/<new>",
        'a"b',
        "data(1)/x",
        "a(b",
        "a]",
        "back\\",
    ],
)
def test_a_path_is_taken_as_it_is_typed(path):
    assert list(map(str, values(quoted(f"dataset.root={path}")))) == [path]


def test_commas_separate_values_as_always():
    assert values(quoted("dataset.root=~/a,/b (1),c")) == ["~/a", "/b (1)", "c"]
    assert quoted("+a/b@c=~x") == "+a/b@c='~x'"


def test_hydras_own_folders_are_found_in_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert values(quoted("hydra.run.dir=~/my runs/${run_name:}")) == ["/home/me/my runs/${run_name:}"]
    assert values(quoted("hydra.sweep.dir=~")) == ["/home/me"]


@pytest.mark.parametrize(
    "override",
    [
        *(
            "seed=0,1",
            "seed=range(0,3)",
            "dataset.root='~/a,b'",
            "model.channels=[1,2]",
            "attack={br: 0.1}",
            "~defense",
        ),
        *("~defense=ubar", "seed=", "x", "--cfg=~", "-cd=~", "a=${b,c}", "a='x, (y'", 'a="b\'s"', "/data/~a=~b"),
    ],
)
def test_what_needs_no_quotes_or_is_no_override_is_left_alone(override):
    assert quoted(override) == override


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("seed=rnage(0,3)", "no function rnage (did you mean range?)"),
        ("seed=range(0,3", "wrong arguments of range, or a bracket that does not close"),
        ("seed=choice(~a)", "wrong arguments of choice, or a bracket that does not close"),
        ("augment=[crop,~x]", "a bracket or quote that does not close, or a value within that needs quotes"),
        ("augment=[crop", "a bracket or quote that does not close, or a value within that needs quotes"),
        ("dataset.root='a", "a bracket or quote that does not close, or a value within that needs quotes"),
    ],
)
def test_what_may_be_meant_otherwise_is_refused_with_what_to_type(override, why):
    key, _, value = override.partition("=")
    with pytest.raises(ConfigError) as refused:
        quoted(override)
    assert str(refused.value) == f"{override}: {why}; for plain text type {typed(key, value)}"


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text == text.strip()))
def test_what_to_type_is_one_text_to_shell_and_hydra(text):
    (argument,) = shlex.split(typed("dataset.root", text))
    assert values(argument) == [text]


@settings(max_examples=50, deadline=None)
@given(st.text(" ~()[]{}'\"=,:\\$ab1ü", min_size=1, max_size=8))
def test_any_value_is_readable_or_refused_in_a_line(text):
    told = ""
    try:
        values(quoted(f"dataset.root={text}"))
    except ConfigError as refused:
        told = str(refused)
    assert not told or ("for plain text type" in told and "\n" not in told)
