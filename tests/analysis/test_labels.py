import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from byzdl.analysis import final_accuracy, find, load
from byzdl.analysis.labels import labels, scientific


def config(**changes):
    base = {"attack.name": "max", "attack.br": 0.3, "defense.name": "ubar", "seed": 0}
    return {**base, **{key.replace("__", "."): value for key, value in changes.items()}}


def test_names_alone_where_nothing_else_varies():
    one, two = labels([config(defense__rho=0.4), config(defense__name="mean", attack__br=0.5, seed=1)])
    assert one == ("", "max", 0.3, "ubar")
    assert two == ("", "max", 0.5, "mean")


def test_what_varies_between_runs_of_a_name_is_told():
    runs = [
        config(defense__theta=0.1, attack__z="baruch"),
        config(defense__theta=0.2, attack__z=1.5),
        config(defense__name="mean", attack__name="alie", attack__z=1.5),
    ]
    assert [label.defense for label in labels(runs)] == ["ubar theta=0.1", "ubar theta=0.2", "mean"]
    assert [label.attack for label in labels(runs)] == ["max z=baruch", "max z=1.5", "alie"]


def test_absent_is_told_from_null():
    runs = [config(defense__f=None), config()]
    assert [label.defense for label in labels(runs)] == ["ubar f=null", "ubar f=(absent)"]


def test_other_keys_split_into_settings():
    runs = [config(partition__alpha=0.1, rounds=10), config(partition__alpha=1, rounds=20)]
    assert [label.setting for label in labels(runs)] == [
        "partition.alpha=0.1, rounds=10",
        "partition.alpha=1, rounds=20",
    ]


def test_keys_that_only_some_choices_have():
    iid, dirichlet = config(partition__name="iid"), config(partition__name="dirichlet", partition__alpha=0.1)
    assert [label.setting for label in labels([iid, dirichlet])] == ["partition=iid", "partition=dirichlet"]
    other = config(partition__name="dirichlet", partition__alpha=1)
    assert [label.setting for label in labels([iid, dirichlet, other])] == [
        "partition=iid",
        "partition=dirichlet, partition.alpha=0.1",
        "partition=dirichlet, partition.alpha=1",
    ]


def test_machine_and_seed_split_nothing(write, folder):
    write(device="cpu", threads=1, seed=0, dataset={"root": "here", "cache": "a"})
    write(device="cuda", threads=8, seed=1, dataset={"root": "there", "cache": "b"})
    assert len(load(folder)[["setting", "attack", "br", "defense"]].drop_duplicates()) == 1


def test_one_and_one_point_zero_are_one_value(write, folder):
    write(seed=0, defense={"rho": 1})
    write(seed=1, defense={"rho": 1.0})
    assert set(load(folder)["defense"]) == {"ubar"}


def test_choices_that_would_be_called_alike_are_told_apart_by_what_they_differ_in():
    runs = [
        config(attack__name="alie z=1.5", attack__z=1.5, attack__scope="all"),
        config(attack__name="alie", attack__z=1.5, attack__scope="near"),
        config(attack__name="alie", attack__z=10, attack__scope="near"),
        config(attack__name="alie z=10", attack__z=10, attack__scope="all"),
    ]
    assert [label.attack for label in labels(runs)] == [
        "alie z=1.5 scope=all",
        "alie z=1.5 scope=near",
        "alie z=10 scope=near",
        "alie z=10 scope=all",
    ]
    assert [label.attack for label in labels([runs[0], runs[1]])] == ["alie z=1.5", "alie"]


def test_a_choice_named_by_its_keys_is_the_one_with_these_keys(write, folder):
    """`attack=alie_1.5` and `attack=alie attack.z=1.5`: of the same seed, one result is that of the other too."""
    for seed in (0, 1):
        write(attack={"name": "alie z=1.5", "z": 1.5}, seed=seed)
        write(attack={"name": "alie", "z": 10}, seed=seed)
    write(attack={"name": "alie", "z": 1.5}, seed=1, started="2026-01-01")
    write(attack={"name": "alie", "z": 1.5}, seed=2)
    table = final_accuracy(load(folder)).set_index("attack")
    assert table["seeds"].to_dict() == {"alie z=1.5": 3, "alie z=10": 2}
    assert [run.name for run in find(folder) if run.status == "superseded"] == ["run2"]
    write(attack={"name": "alie mine", "z": 1.5}, seed=0)  # no key's word
    seeds = final_accuracy(load(folder)).set_index("attack")["seeds"]
    assert seeds.to_dict() == {"alie mine": 1, "alie z=1.5": 3, "alie z=10": 2}


def unlike(config):
    """What makes a configuration another one, in figures: all but the seed."""
    return json.dumps({key: value for key, value in scientific(config).items() if key != "seed"}, sort_keys=True)


WORDS = st.sampled_from([
    "a", "b", "a b", "a, b=1", "a=1", "a z=1", "a f=1", "none", "null", "(absent)", "", "0.1", "0.10", "1", "$x$", "a_b",
    "a\nb", '"a"', "local", "nnm + median", "median", "[1, 2]", "é",
])  # fmt: skip
VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 2), st.sampled_from([0.1, 0.2, 1 / 3, 1e-9]), WORDS)
KEYS = ("attack.z", "defense.f", "defense.a", "pre.k", "partition.alpha", "partition.name", "rounds", "model.a_b", "b")
CONFIGS = st.fixed_dictionaries(
    {
        "attack.name": WORDS,
        "attack.br": st.sampled_from([0.1, 0.1000000001, 0.3]),
        "defense.name": WORDS,
        "seed": st.integers(0, 1),
    },
    optional={"pre.name": WORDS, "defense._target_": st.sampled_from(["byzdl.defenses.local.Local", "mine.Local"])}
    | dict.fromkeys(KEYS, VALUES),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(CONFIGS, min_size=2, max_size=6))
def test_runs_have_the_same_labels_if_and_only_if_they_differ_in_the_seed_alone(configs):
    made = labels(configs)
    for (one, first), (other, second) in itertools.combinations(zip(configs, made, strict=True), 2):
        assert (first == second) == (unlike(one) == unlike(other)), (one, other)


def test_labels_that_would_be_one_show_what_differs():
    step = config(pre__name="nnm", defense__name="median")
    name = config(pre__name="none", defense__name="nnm + median")
    assert [label.defense for label in labels([step, name])] == [
        'nnm + median defense.name="median" pre.name="nnm"',
        'nnm + median defense.name="nnm + median" pre.name="none"',
    ]


def test_a_value_that_looks_like_another_is_quoted():
    values = [None, "null", 1, "1", True, "", "a\nb"]
    runs = [config(defense__f=value) for value in values]
    assert [label.defense.partition("=")[2] for label in labels(runs)] == [
        "null", '"null"', "1", '"1"', "true", '""', '"a\\nb"',
    ]  # fmt: skip


def test_the_same_choice_under_two_names_is_one():
    runs = [config(attack__name="alie z=1.5", attack__z=1.5), config(attack__name="alie", attack__z=1.5, seed=1)]
    assert len(set(labels(runs))) == 1


def test_a_class_of_ones_own_is_no_reference_line_whatever_its_name():
    mine = config(defense__name="local", defense___target_="mine.Local", attack__name="none", attack___target_="my.N")
    ours = config(defense__name="local", defense___target_="byzdl.defenses.local.Local")
    assert labels([mine]) == [("", "my.N", 0.3, "mine.Local")]
    assert [label.defense for label in labels([mine, ours])] == ["mine.Local", "local"]
