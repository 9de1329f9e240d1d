"""The run folder and its files."""

import csv
import json
from pathlib import Path

import pytest

from byzdl.config.columns import EDGE_COLUMNS, NODE_COLUMNS, ROUND_COLUMNS, SCHEMA_VERSION, TABLES
from byzdl.runs.folder import RunFolder, is_done, read_status

ROUND = {
    "round": 2,
    "epoch": 0.5,
    "accuracy_mean": 0.1 + 0.2,
    "accuracy_worst": 1 / 3,
    "accuracy_std": 5e-324,
    "loss_mean": float("inf"),
    "consensus_distance": 1e300,
    "byzantine_accept_rate": None,
    "benign_accept_rate": 0.0,
    "byzantine_weight": 0.0,
    "alone_rate": 1.0,
    "fallback_rate": None,
    "theta_mean": -0.1,
}
NODE = dict.fromkeys(NODE_COLUMNS, 1)
EDGE = {**dict.fromkeys(EDGE_COLUMNS, 1), "weight": 0.1 + 0.2, "accepted": None}


def finished(path: Path) -> RunFolder:
    folder = RunFolder(path, "abc")
    folder.start({"seed": 0}, {"seed": 0})
    folder.write(ROUND, [NODE, NODE], [EDGE])
    folder.finish({"accuracy_mean": 0.5})
    return folder


def test_rows_read_back_exactly_and_what_is_unknown_is_empty(tmp_path: Path) -> None:
    finished(tmp_path)
    with open(tmp_path / "rounds.csv", newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert tuple(row) == ROUND_COLUMNS
    for key, value in ROUND.items():
        assert (row[key] == "") if value is None else (float(row[key]) == value), key
    assert len((tmp_path / "nodes.csv").read_text().splitlines()) == 3
    assert (tmp_path / "edges.csv").read_text().splitlines()[1] == "1,1,1,1,,0.30000000000000004"


def test_the_status_goes_from_running_to_done(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "abc")
    assert not is_done(tmp_path, "abc")
    folder.start({"seed": 0}, {"d": 7})
    assert read_status(tmp_path)["status"] == "running"
    assert not is_done(tmp_path, "abc")
    folder.finish({})
    facts = read_status(tmp_path)
    assert (facts["status"], facts["schema"], facts["d"]) == ("done", SCHEMA_VERSION, 7)
    assert is_done(tmp_path, "abc")


def test_a_failure_is_told_and_what_was_written_stays(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "abc")
    folder.start({}, {})
    folder.write(ROUND, [NODE], [EDGE])
    folder.fail("RuntimeError: why")
    assert (read_status(tmp_path)["status"], read_status(tmp_path)["error"]) == ("failed", "RuntimeError: why")
    assert len((tmp_path / "rounds.csv").read_text().splitlines()) == 2
    assert not is_done(tmp_path, "abc")


def test_another_configurations_folder_is_refused(tmp_path: Path) -> None:
    finished(tmp_path)
    with pytest.raises(FileExistsError, match="the run of another configuration"):
        is_done(tmp_path, "xyz")


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_a_torn_status_counts_as_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    assert read_status(tmp_path) == {}
    assert not is_done(tmp_path, "abc")


def test_no_half_written_file_is_left(tmp_path: Path) -> None:
    finished(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"config.yaml", "run.json", *TABLES}
    json.loads((tmp_path / "run.json").read_text())
