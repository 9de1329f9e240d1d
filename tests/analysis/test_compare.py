import pandas as pd
import pytest
from scipy import stats

from byzdl.analysis import find
from byzdl.analysis.__main__ import main
from byzdl.analysis.compare import differences
from byzdl.analysis.matching import match


def matched(folder):
    a, b = (
        [run for run in find(folder / name) if run.status == "done"] if (folder / name).exists() else []
        for name in "ab"
    )
    return match(a, b)


def names(matched):
    return {(pair.a.name, pair.b.name) for pair in matched.pairs}


def test_runs_are_matched_by_configuration_whatever_their_names(write, folder):
    for seed in range(3):
        write(name=f"a/{seed}", seed=seed, device="cpu", threads=1)
        write(name=f"b/{2 - seed}-of-another-hash", seed=seed, device="cuda", threads=4, dataset={"cache": "elsewhere"})
    write(name="a/only", seed=0, rounds=21)
    write(name="b/only", seed=0, defense={"name": "median"})
    found = matched(folder)
    assert names(found) == {(f"{seed}", f"{2 - seed}-of-another-hash") for seed in range(3)}
    assert [run.folder for run in found.only_a] == [folder / "a" / "only"]
    assert [run.folder for run in found.only_b] == [folder / "b" / "only"]
    assert not found.ambiguous
    assert not found.left_out


def test_a_key_that_only_one_side_has_is_left_out_and_told(write, folder):
    write(name="a/old", attack={"_target_": "byzdl.attacks.Max"})
    write(name="b/new", attack={"start": 0}, screen={"precision": "float32"})
    found = matched(folder)
    assert names(found) == {("old", "new")}
    assert found.left_out == {"attack.start": (set(), {"0"}), "screen.precision": (set(), {'"float32"'})}


def test_a_name_that_says_what_a_key_says_is_no_difference(write, folder):
    """`attack=alie_1.5` and `attack=alie attack.z=1.5`."""
    write(name="a/named", attack={"name": "alie z=1.5", "z": 1.5})
    write(name="b/keyed", attack={"name": "alie", "z": 1.5})
    write(name="b/other", attack={"name": "alie", "z": 10})
    found = matched(folder)
    assert names(found) == {("named", "keyed")}
    assert [run.name for run in found.only_b] == ["other"]


def test_what_only_a_name_says_is_a_difference(write, folder):
    for k in 3, 5:
        write(name=f"a/mine{k}", defense={"name": f"mine k={k}"})
        write(name=f"b/mine{k}", defense={"name": f"mine k={k}"})
    assert names(matched(folder)) == {("mine3", "mine3"), ("mine5", "mine5")}


def test_keys_of_different_choices_are_no_keys_that_a_side_lacks(write, folder):
    """That only one side has a Dirichlet split is no news about the key alpha of the runs that don't."""
    write(name="a/iid")
    write(name="a/mild", partition={"name": "dirichlet", "alpha": 1.0})
    write(name="b/iid")
    write(name="b/strong", partition={"name": "dirichlet", "alpha": 0.1})
    found = matched(folder)
    assert names(found) == {("iid", "iid")}
    assert [run.name for run in (*found.only_a, *found.only_b)] == ["mild", "strong"]
    assert not found.left_out


def test_a_key_added_to_one_choice_matters_where_both_have_it(write, folder):
    """Old runs of ubar know no beta, those of median always did."""
    for beta in 1, 2:
        write(name=f"a/median{beta}", defense={"name": "median", "beta": beta})
        write(name=f"b/median{beta}", defense={"name": "median", "beta": beta})
    write(name="a/ubar")
    write(name="b/ubar", defense={"beta": 1})
    assert names(matched(folder)) == {(name, name) for name in ("median1", "median2", "ubar")}


def test_what_cannot_be_told_apart_is_not_compared(write, folder):
    write(name="a/old")
    write(name="b/late", attack={"start": 50})
    write(name="b/early", attack={"start": 0})
    found = matched(folder)
    assert not found.pairs
    assert {run.name for run in found.ambiguous} == {"old", "late", "early"}


def test_differences_in_pairs(write, folder):
    before, after = [0.2, 0.5, 0.9, 0.6], [0.23, 0.51, 0.95, 0.6]
    for seed, (old, new) in enumerate(zip(before, after, strict=True)):
        write(name=f"a/{seed}", seed=seed, accuracy=(0.1, old))
        write(name=f"b/{seed}", seed=seed, accuracy=(0.1, new))
    (row,) = differences(matched(folder).pairs).to_dict("records")
    assert (row["attack"], row["br"], row["defense"], row["pairs"], row["identical"]) == ("max", 0.3, "ubar", 4, 1)
    each = [new - old for old, new in zip(before, after, strict=True)]
    assert [row["a_mean"], row["b_mean"], row["difference"]] == pytest.approx([0.55, 0.5725, sum(each) / 4])
    assert [row["a_worst"], row["worst_difference"]] == pytest.approx([0.275, sum(each) / 8])
    expected = stats.bootstrap((each,), lambda x, axis: x.mean(axis=axis), method="percentile", rng=0)
    assert [row["low"], row["high"]] == pytest.approx(list(expected.confidence_interval), abs=0.002)
    assert [row["worst_low"], row["worst_high"]] == pytest.approx([row["low"] / 2, row["high"] / 2])


@pytest.mark.parametrize(("column", "same"), [("seconds", 1), ("loss_mean", 0)])
def test_identical_is_all_but_the_seconds(write, folder, column, same):
    for name, value in (("a", "1.0"), ("b", "1.00")):  # the same number, in other bytes
        write(name=f"{name}/run", rows=[{"round": 1, "accuracy_mean": 0.5, "accuracy_worst": 0.5, column: value}])
    assert differences(matched(folder).pairs)["identical"].tolist() == [same]


def test_what_is_printed(write, folder, capsys, tmp_path):
    for seed in range(3):
        write(name=f"a/max{seed}", seed=seed, accuracy=(0.1, 0.5))
        write(name=f"b/max{seed}", seed=seed, accuracy=(0.1, 0.5))
        write(name=f"a/alie{seed}", seed=seed, attack={"name": "alie"}, accuracy=(0.1, 0.6))
        write(name=f"b/alie{seed}", seed=seed, attack={"name": "alie", "new": 1}, accuracy=(0.1, 0.6 + seed / 10))
    for seed in range(3, 15):
        write(name=f"a/max{seed}", seed=seed)
    write(name="b/burst", status="failed", error="boom")
    main(["compare", str(folder / "a"), str(folder / "b"), "--csv", str(tmp_path / "new" / "table.csv")])
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == (
        "6 runs have the same configuration in A and B; rounds.csv is identical for 4 of them, except for the seconds"
    )
    assert lines[1:3] == ["only in A: 12", f"  {folder}/a/max10"]
    assert lines[12:14] == ["  and 2 more", "left out of the matching: attack.new (A: absent; B: 1)"]
    rows = [line.split() for line in lines if line.startswith(("max", "alie"))]
    assert rows == [
        ["max", "0.3", "ubar", "3", "3", "0.500", "0.500", "=", "0.250", "0.250", "="],
        ["alie", "0.3", "ubar", "3", "1", "0.600", "0.700", "+0.1000", "[+0.0000,", "+0.2000]",
         "0.300", "0.350", "+0.0500", "[+0.0000,", "+0.1000]"],
    ]  # fmt: skip
    assert printed.err == f"byzdl: {folder}/b: 1 of 7 runs have no result\n"
    table = pd.read_csv(tmp_path / "new" / "table.csv")
    assert table["difference"].tolist() == pytest.approx([0, 0.1])


def test_settings_are_told(write, folder, capsys):
    for name in "ab":
        for alpha in 0.1, 1.0:
            write(name=f"{name}/{alpha}", partition={"name": "dirichlet", "alpha": alpha})
    main(["compare", str(folder / "a"), str(folder / "b")])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("partition")] == ["partition.alpha=0.1", "partition.alpha=1"]


def test_nothing_in_common_is_no_error(write, folder, capsys):
    write(name="a/one")
    write(name="b/other", rounds=1)
    main(["compare", str(folder / "a"), str(folder / "b")])
    assert capsys.readouterr().out.startswith("0 runs have the same configuration in A and B;")


def test_a_folder_without_a_result_is_one(write, folder):
    write(name="a/one")
    write(name="b/other", status="running")
    with pytest.raises(SystemExit, match=r"^byzdl: .*b: no run in it is done \(1 interrupted: .*\)$"):
        main(["compare", str(folder / "a"), str(folder / "b")])


def test_a_table_that_cannot_be_written_is_one_line(write, folder):
    for side in ("a", "b"):
        write(name=f"{side}/run")
    with pytest.raises(SystemExit, match=r"^byzdl: .*outputs"):
        main(["compare", str(folder / "a"), str(folder / "b"), "--csv", str(folder)])


def test_without_a_pair_the_table_has_a_header(write, folder, tmp_path):
    write(name="a/one", seed=0)
    write(name="b/two", seed=1)
    main(["compare", str(folder / "a"), str(folder / "b"), "--csv", str(tmp_path / "table.csv")])
    assert (
        (tmp_path / "table.csv")
        .read_text()
        .startswith("setting,attack,br,defense,topology.n,byzantine_nodes,pairs,identical,a_mean,")
    )
