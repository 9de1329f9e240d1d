"""What a run will take, told before it starts."""

import re

import pytest

from byzdl.commands.estimate import Estimate, main
from byzdl.config.compose import compose
from byzdl.config.types import ConfigError
from byzdl.simulation.settings import parse

TINY = ["dataset=synthetic", "dataset.train_count=200", "topology.n=6", "batch_size=4", "attack.br=0.34", "rounds=25"]


def test_counts_are_those_of_the_run(tmp_path):
    found = Estimate.of(parse(compose(*TINY, f"dataset.cache={tmp_path}", "model=linear", "eval_every=10")))
    # 64 pixels and a bias for each of 10 classes. Two of the six nodes send what they want, and have no model.
    assert (found.parameters, found.learners, found.nodes) == (650, 4, 6)
    assert found.matrices == 4 * 4 * 650 * 4
    assert (found.rounds, found.evaluations) == (25, 4)  # after 0, 10, 20 and 25
    assert found.round > 0
    assert found.peak > found.matrices


def test_the_whole_run_is_its_rounds_and_evaluations():
    found = Estimate(10, 2, 3, round=2.0, evaluation=5.0, rounds=100, evaluations=11, peak=2**31, device="cpu")
    assert found.seconds == 255
    assert "the run     4.2 min: 100 rounds and 11 evaluations" in str(found)
    assert "memory      2.0 GiB at most so far (cpu); 0.0 MiB are models" in str(found)


def test_the_command_prints_it_and_writes_no_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main([*TINY, "model=linear"])
    assert re.match(
        r"model       650 parameters; 4 of 6 nodes have one, .*\nmemory .*\na round .*\n", capsys.readouterr().out
    )
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_cannot_be_run_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"^batch_size is 512, but must be at most "):
        main([*TINY, f"dataset.cache={tmp_path}", "batch_size=512"])
