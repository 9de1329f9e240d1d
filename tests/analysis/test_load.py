import itertools
import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from conftest import CONFIG, planner

from byzdl.analysis import AnalysisError, IncompleteWarning, find, load, load_nodes
from byzdl.analysis.files import config
from byzdl.analysis.load import rows
from byzdl.config.columns import NODE_COLUMNS, ROUND_COLUMNS
from byzdl.files import checksum
from byzdl.runs.folder import RunFolder


def statuses(folder):
    return {run.name: run.status for run in find(folder)}


def test_one_row_an_evaluation_with_the_configuration_beside_it(write, folder):
    write(name="a", seed=0)
    write(name="b", seed=1, accuracy=(0.2, 0.3))
    frame = load(folder)
    assert list(frame["run"]) == ["a", "a", "a", "b", "b"]
    assert list(frame["accuracy_mean"]) == [0.1, 0.5, 0.9, 0.2, 0.3]
    assert list(frame["seed"]) == [0, 0, 0, 1, 1]
    assert set(frame["attack.name"]) == {"max"}
    assert set(frame["model.channels"]) == {"[32, 64]"}
    assert set(ROUND_COLUMNS) < set(frame.columns)
    assert frame["round"].dtype.kind == "i"


def test_reads_what_a_run_folder_writes(folder, write):
    template = write(name="template")
    run = RunFolder(folder / "real", "id")
    run.start({**CONFIG, "rounds": 5}, {})
    run.write(
        {"round": 5, "epoch": 0.1 + 0.2, "accuracy_mean": 1 / 3, "loss_mean": math.inf, "theta_mean": None}, [], []
    )
    run.finish({})
    frame = load(folder / "real")
    assert list(frame["run"]) == ["real"]
    assert frame["epoch"][0] == 0.1 + 0.2
    assert frame["accuracy_mean"][0] == 1 / 3
    assert frame["loss_mean"][0] == math.inf
    assert math.isnan(frame["theta_mean"][0])
    assert len(load(template)) == 3


def test_nodes_are_loaded_beside_their_configuration(folder, write):
    run = RunFolder(folder / "real", "id")
    run.start({**CONFIG, "rounds": 5}, {})
    run.write(
        {"round": 5}, [{"round": 5, "node": 0, "accuracy": 0.1 + 0.2}, {"round": 5, "node": 4, "theta": -0.1}], []
    )
    run.finish({})
    frame = load_nodes(folder)
    assert list(frame["node"]) == [0, 4]
    assert frame["node"].dtype.kind == frame["round"].dtype.kind == "i"
    assert frame["accuracy"][0] == 0.1 + 0.2
    assert math.isnan(frame["accuracy"][1])
    assert set(frame["defense"]) == {"ubar"}
    assert set(NODE_COLUMNS) < set(frame.columns)


def test_several_folders_are_one_frame(write, folder):
    write(name="a/same", seed=0)
    write(name="b/same", seed=1, accuracy=(0.2, 0.3))
    write(name="b/again", seed=0, started="2020-01-01")
    a, b = folder / "a", folder / "b"
    frame = load(a, b)
    assert list(frame["run"].unique()) == [f"{a}/same", f"{b}/same"]
    assert list(frame["seed"]) == [0, 0, 0, 1, 1]
    assert {run.name: run.status for run in find(a, b)}[f"{b}/again"] == "superseded"


def test_what_another_folder_has_is_not_missing(write, folder):
    plan = [("one", ["seed=0"], None), ("two", ["seed=1"], None), ("three", ["seed=2"], None)]
    for name, seed in (("a/one", 0), ("b/two", 1)):
        write(name=name, seed=seed)
        planner(folder / name[0])(*plan)
    a, b = folder / "a", folder / "b"
    found = [(run.name, run.status) for run in find(a, b)]
    assert found == [(f"{a}/one", "done"), (f"{b}/three", "missing"), (f"{b}/two", "done")]
    assert [(run.name, run.status) for run in find(a, folder / "." / "b" / ".." / "a")] == [
        ("one", "done"),
        ("three", "missing"),
        ("two", "missing"),
    ]


def test_a_folder_that_is_a_run(write, monkeypatch):
    run = write(name="alone")
    planner(run)((".", ["hydra.sweep.subdir=."], None))
    assert set(load(run)["run"]) == {"alone"}
    monkeypatch.chdir(run)
    assert set(load(".")["run"]) == {"alone"}


def test_only_runs_that_are_done_are_loaded(write, folder):
    write(name="done")
    write(name="failed", status="failed", error="boom\nsecond line")
    write(name="running", status="running")
    with pytest.warns(IncompleteWarning, match="^2 of 3 runs have no result"):
        assert set(load(folder)["run"]) == {"done"}
    assert statuses(folder) == {"done": "done", "failed": "failed", "running": "interrupted"}
    assert {run.name: run.why for run in find(folder)}["failed"] == "boom second line"


def test_planned_runs_are_the_union_over_sweeps(write, plan, folder):
    write(name="a")
    write(name="unplanned", seed=7)
    plan(("a", ["seed=0"], None), ("b", ["seed=1"], None))
    plan(("b", ["seed=1"], None), ("c", ["seed=2"], None), (None, ["attack=maxx", "seed=0"], "no such attack"))
    assert statuses(folder) == {
        "a": "done",
        "b": "missing",
        "c": "missing",
        "unplanned": "done",
        "attack=maxx seed=0": "refused",
    }


def test_refused_only_as_long_as_no_sweep_accepts_it(write, plan, folder):
    write(name="a")
    plan(("a", ["seed=0"], "refused though it is named"), (None, ["defense=mine"], "unknown"))
    plan(("b", ["defense=mine"], None))
    assert statuses(folder) == {"a": "done", "b": "missing"}


def test_of_one_configuration_the_latest_result_counts(write, folder):
    write(name="new", started="2025-02-01T00:00:00+00:00", device="cuda")
    write(name="old", started="2025-01-01T00:00:00+00:00", accuracy=(0.3, 0.4, 0.5))
    write(name="older", started="2024-01-01T00:00:00+00:00")
    assert statuses(folder) == {"new": "done", "old": "superseded", "older": "superseded"}
    assert set(load(folder)["run"]) == {"new"}


@pytest.mark.parametrize("status", ["failed", "running"])
def test_results_of_two_versions_are_not_mixed(write, folder, status):
    for seed in (0, 1):
        write(name=f"old{seed}", seed=seed)
    write(name="new0", seed=0, started="2026-01-01")
    write(name="new1", seed=1, started="2026-01-01", status=status)
    assert {name: told for name, told in statuses(folder).items() if name != "new1"} == {
        "old0": "superseded",
        "old1": "superseded",
        "new0": "done",
    }


@pytest.mark.parametrize("status", ["done", "failed", "running"])
def test_a_result_of_the_code_and_data_as_they_are_comes_before_a_later_one(write, folder, tmp_path, status):
    """Code v1 is run, then v2, then v1 is restored: nothing is computed again, and v1 counts."""
    rule, data = tmp_path / "rule.py", tmp_path / "data.npz"
    data.write_text("data")
    sums = {}
    for version in "v1", "v2":
        rule.write_text(version)
        sums[version] = {str(file): checksum(file) for file in (rule, data)}
    first = {"accuracy": (0.1, 0.886), "started": "2026-01-01"}
    write(name="v1", sources=sums["v1"], **first)
    write(name="v2", sources=sums["v2"], accuracy=(0.1, 0.117), started="2026-01-02", status=status)

    def counts():
        return {run.name: (run.status, run.why) for run in find(folder)}

    newer = ("superseded", "v2 is newer and has the same configuration")
    other = {"done": "done", "failed": "failed", "running": "interrupted"}[status]
    as_now = newer[1].replace("is newer and has", "has") + ", with the code and data as they are now"
    assert (counts()["v1"], counts()["v2"][0]) == (("superseded", as_now), other)
    rule.write_text("v1")
    assert counts()["v1"] == ("done", "")
    if status == "done":
        assert counts()["v2"] == ("superseded", as_now.replace("v2", "v1"))
        assert load(folder)["accuracy_mean"].max() == 0.886
    data.write_text("what both of them lack")
    assert counts()["v1"][0] == "done"
    for elsewhere in "other code", "no code":
        rule.write_text(elsewhere)
        assert (counts()["v1"], counts()["v2"][0]) == (newer, other)
        rule.unlink()
        assert (counts()["v1"], counts()["v2"][0]) == (newer, other)


def test_an_unfinished_run_of_the_code_as_it_is_supersedes_results_of_other_code(write, folder, tmp_path):
    rule = tmp_path / "rule.py"
    rule.write_text("v2")
    write(name="v2", sources={str(rule): checksum(rule)}, started="2026-01-02")
    rule.write_text("v1")
    write(name="v1", sources={str(rule): checksum(rule)}, started="2026-01-01", status="running")
    assert statuses(folder) == {"v1": "interrupted", "v2": "superseded"}


def test_a_failure_of_the_same_version_elsewhere_does_not_supersede_a_result(write, folder):
    write(name="a/same")
    write(name="b/same", started="2026-01-01", status="failed")
    assert set(load(folder / "a")["run"]) == {"same"}
    assert [run.status for run in find(folder / "a", folder / "b")] == ["done", "failed"]


def test_a_result_without_rows_or_configuration_is_unreadable(write, folder):
    write(name="fine")
    rounds = write(name="headed", seed=1) / "rounds.csv"
    rounds.write_text(rounds.read_text().splitlines()[0] + "\n")
    (write(name="hollow", seed=2) / "config.yaml").write_text("")
    (write(name="foreign", seed=3) / "config.yaml").write_text("seed: 3\nattack: {name: max}\n")
    why = {run.name: run.why for run in find(folder) if run.status == "unreadable"}
    assert why["headed"].endswith("rounds.csv: cannot be read (it has no row)")
    assert why["hollow"].endswith("config.yaml: cannot be read (it is empty)")
    assert why["foreign"].endswith(
        "config.yaml: lacks attack.br, defense.name, topology.name, topology.n, dataset.name, partition.name, model.name, rounds"
    )
    with pytest.warns(IncompleteWarning, match="3 of 4 runs"):
        load(folder)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"schema": 4}', "the schema version is 4, but must be 3, "),
        ("[]", "the schema version is None, "),
        ("{", "cannot be read"),
    ],
)
def test_records_that_say_nothing_are_told_and_in_nobodys_way(write, folder, text, why):
    write(name="fine")
    (write(name="future") / "run.json").write_text(text)
    (write(name="odd") / "config.yaml").write_text("a: [1")
    (folder / "sweep-x.json").write_text(text)
    assert statuses(folder) == {
        "fine": "done",
        "future": "unreadable",
        "odd": "unreadable",
        "sweep-x.json": "unreadable",
    }
    told = {run.name: run.why for run in find(folder)}
    assert re.search(rf"future/run\.json: {why}", told["future"])
    assert re.search(rf"sweep-x\.json: {why}", told["sweep-x.json"])
    assert re.search(r"odd/config\.yaml: cannot be read", told["odd"])
    with pytest.warns(IncompleteWarning, match="3 of 4 runs have no result"):
        assert set(load(folder)["run"]) == {"fine"}


def test_a_folder_without_runs_says_where_there_are_some(write, folder):
    write(name="default/a")
    write(name="other/a")
    with pytest.raises(AnalysisError, match=r"outputs: no run in it; there are runs in .*default, .*other$"):
        load(folder)
    with pytest.raises(AnalysisError, match=r"nowhere: no such folder$"):
        load(folder / "nowhere")


@pytest.mark.parametrize(
    ("file", "text"),
    [("rounds.csv", ""), ("rounds.csv", "a,b\n1,2\n"), ("rounds.csv", "round,b\n1\n"),
     ("rounds.csv", "round\n1.5\n"), ("rounds.csv", "round,b\n1,x\n")],
)  # fmt: skip
def test_files_that_cannot_be_read_are_named(write, folder, file, text):
    (write() / file).write_text(text)
    with pytest.raises(AnalysisError, match=f"{file}: cannot be read") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_nothing_done(write, folder):
    write(status="running")
    with pytest.raises(
        AnalysisError, match=r"no run in it is done \(1 interrupted: stopped, or still being computed\)$"
    ):
        load(folder)


def test_needs_neither_torch_nor_hydra(write, folder):
    write()
    code = (
        "import sys, byzdl.analysis.__main__, byzdl.analysis.report.page, byzdl.commands.status;"
        "print(sorted({'seaborn', 'pyplot'} & {part for name in sys.modules for part in name.split('.')}));"
        "from byzdl.analysis import draw, load; list(draw(load(sys.argv[1])));"
        "print(sorted({'torch', 'hydra', 'omegaconf'} & {name.split('.')[0] for name in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["[]", "[]"]


CONFIGURATIONS = [
    {"a": {"b": [1, 2.0], "c": {"d": None}}, "e": 1.0, "f": {}},
    {"text": "x: y\nz: 1\n\n# no comment\n" + "long " * 60, "g": {"odd key": "'", "-": "- 1"}, "list": ["a", {"b": 1}]},
    {"shared": (one := ["again", 1]), "once more": {"x": one}},
]


@pytest.mark.parametrize("written", CONFIGURATIONS)
def test_a_configuration_is_read_as_yaml_reads_the_whole_of_it(tmp_path, written):
    """It is read in blocks, for speed."""

    def flat(value, path=()):
        if isinstance(value, dict):
            return {key: leaf for name, inner in value.items() for key, leaf in flat(inner, (*path, name)).items()}
        return {".".join(path): json.dumps(value) if isinstance(value, list) else value}

    (tmp_path / "config.yaml").write_text(yaml.safe_dump(written, sort_keys=False))
    assert config(tmp_path / "config.yaml") == flat(written)


def test_a_folder_that_is_none_is_told_for_what_it_is(write, folder):
    write(name="a")
    with pytest.raises(AnalysisError, match=r"outputs/a/run\.json: is a file, but must be a folder of runs$"):
        find(folder / "a" / "run.json")
    assert statuses(f"{folder}/") == {"a": "done"}
    assert [run.name for run in find(folder / "a", f"{folder}/a/", folder / "a" / "." / ".." / "a")] == ["a"]


def test_a_folder_that_may_not_be_read_is_told(write, folder, monkeypatch):
    write(name="a")
    write(name="b", seed=1)
    looked, listed = os.lstat, os.listdir

    def refused(function, forbidden):
        def call(path, *arguments):
            if str(path).startswith(str(forbidden)):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *arguments)

        return call

    monkeypatch.setattr(os, "lstat", refused(looked, folder / "a"))
    monkeypatch.setattr(Path, "stat", refused(Path.stat, folder / "a"))
    assert statuses(folder) == {"a": "unreadable", "b": "done"}
    monkeypatch.setattr(os, "listdir", refused(listed, folder))
    with pytest.raises(AnalysisError, match=r"outputs: cannot be read \(Permission denied\)$"):
        find(folder)


def test_a_run_with_a_lost_record_is_not_left_out_silently(write, plan, folder):
    (write(name="a") / "run.json").unlink()
    (write(name="b", seed=1) / "run.json").unlink()
    write(name=".hidden", seed=2)
    plan(("b", ["seed=1"], None))
    told = {run.name: (run.status, run.why) for run in find(folder)}
    assert told == {
        name: ("unreadable", f"{folder}/{name}/run.json: cannot be read (No such file or directory)") for name in "ab"
    }


def test_links_and_folders_within_folders_count_a_run_once(write, folder):
    write(name="failed", status="failed")
    write(name="done", seed=1)
    for name in "failed", "done":
        (folder / f"a link to {name}").symlink_to(folder / name)
    assert statuses(folder) == {"done": "done", "failed": "failed"}
    both = find(folder / "done", folder, folder / "a link to done")
    assert [run.status for run in both] == ["done", "failed"]
    # A link to a run elsewhere is that run.
    write(name="elsewhere/run", seed=2)
    (folder / "linked").symlink_to(folder / "elsewhere" / "run")
    assert statuses(folder)["linked"] == "done"


def test_a_run_deep_in_one_folder_is_not_missing_from_another(write, folder):
    folder.mkdir()
    for name in "ab":
        planner(folder / name)(("group/run", ["seed=0"], None), (None, ["attack=mine"], "no such attack"))
    write(name="a/group/run")
    planner(folder / "c")(("mine", ["attack=mine"], None))
    write(name="c/mine", attack={"name": "mine"})
    names = "ab", "ac"
    found = [{run.name: run.status for run in find(*(folder / name for name in each))} for each in names]
    assert found == [
        {f"{folder}/a/group/run": "done", f"{folder}/b/attack=mine": "refused"},
        {f"{folder}/a/group/run": "done", f"{folder}/c/mine": "done"},
    ]


@pytest.mark.parametrize(
    ("file", "line", "new", "why"),
    [
        ("rounds.csv", -1, "", "it ends at round 10, its run at round 20"),
        ("rounds.csv", -1, "20", "its last line is cut off"),
        ("rounds.csv", 2, "10,1,0.5\n", "a row has 3 cells, its header 15"),
        ("rounds.csv", 2, "0,,0.5,,,,,,,,,,,,\n", "two rows have round 0"),
        ("rounds.csv", 2, "10,,x,,,,,,,,,,,,\n", "accuracy_mean is 'x', but must be a number"),
        ("rounds.csv", 2, "10,,17,,,,,,,,,,,,\n", "accuracy_mean is 17, but must be in [0, 1]"),
        ("rounds.csv", 2, "1e300,,,,,,,,,,,,,,\n", "a round is 1e+300, but must be an integer, at least 0"),
        ("nodes.csv", -1, "", "it ends at round 10, its run at round 20"),
        ("nodes.csv", 0, "round,node\n", "it lacks the columns accuracy, loss, theta,"),
        ("run.json", 0, '{"schema": 3, "status": "ready"}', "status is 'ready', but must be done, failed or running"),
        ("run.json", 0, '{"schema": 3, "status": "done", "edges": [1]}', "edges is [1], but must be a list of pairs"),
        ("config.yaml", 0, "attack: [max]\n", "lacks attack.name, attack.br"),
        ("config.yaml", 3, "  br: often\n", "attack.br is 'often', but must be a number in [0, 1)"),
        ("config.yaml", 3, "  br: 1.5\n", "attack.br is 1.5, but must be a number in [0, 1)"),
        ("config.yaml", 0, "- 1\n", "cannot be read ("),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_words(write, folder, file, line, new, why):
    write(name="fine", seed=1)
    damaged = write(name="damaged", seed=0) / file
    lines = damaged.read_text().splitlines(keepends=True)
    lines[line] = new
    damaged.write_text(new if line == 0 and file != "nodes.csv" else "".join(lines))
    if file == "nodes.csv":
        with pytest.raises(AnalysisError) as told:
            load_nodes(folder)
        said = str(told.value)
    else:
        (said,) = [run.why for run in find(folder) if run.status == "unreadable"]
        with pytest.warns(IncompleteWarning):
            assert set(load(folder)["run"]) == {"fine"}
    assert said.startswith(str(damaged))
    assert why in said


def test_nodes_that_a_round_lacks_are_not_compared_at_an_earlier_one(write, folder):
    nodes = write() / "nodes.csv"
    lines = nodes.read_text().splitlines(keepends=True)
    nodes.write_text("".join([*lines, lines[1].replace("0,0,", "0,1,", 1)]))
    with pytest.raises(
        AnalysisError, match=r"nodes\.csv: cannot be read \(a round lacks nodes that another one has\)$"
    ):
        load_nodes(folder)


def test_a_seed_never_counts_twice(write, folder):
    write(name="a", defense={"rho": 1})
    write(name="b", defense={"rho": "1"})
    assert load(folder).groupby("run")["defense"].first().nunique() == 2
    one, _ = find(folder)
    with pytest.raises(AnalysisError, match=r"a and .*a: cannot be told apart, and have the same seed$"):
        rows([one, replace(one, name="again")])


def test_a_yaml_of_nothing_but_references_takes_no_memory(write, folder):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in itertools.pairwise("abcdefghi"))
    (write() / "config.yaml").write_text(bomb)
    (run,) = find(folder)
    assert run.why.endswith("config.yaml: cannot be read (it has too many values)")


def test_a_key_of_a_configuration_hides_no_column(write, folder):
    write(name="a", run="b", round=7, accuracy_mean=0.1, setting="mine", byzantine_nodes="x")
    frame = load(folder)
    assert set(frame["run"]) == {"a"}
    assert list(frame["round"]) == [0, 10, 20]
    assert list(frame["accuracy_mean"]) == [0.1, 0.5, 0.9]
