"""The settings of the processor for a run."""

import logging

import pytest
import torch
from test_golden import COMMON, RUNS

from byzdl.config.compose import compose
from byzdl.runs import execute as run
from byzdl.simulation.processor import prepare


def test_threads_are_set_and_denormals_flushed():
    before = torch.get_num_threads()
    try:
        prepare(2)
        assert torch.get_num_threads() == 2
        assert (torch.tensor([1e-39]) * 0.5).item() == 0
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("has", "told"), [(False, True), (True, False)])
def test_bf16_without_units_for_it_is_warned_of(has, told, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(run, "has_bf16", lambda: has)
    overrides = [*RUNS["none-mean"], *COMMON, "rounds=1", "screen.precision=bf16"]
    config = compose(*overrides, f"dataset.cache={tmp_path / 'cache'}")
    with caplog.at_level(logging.WARNING):
        run.execute(config, tmp_path / "run")
    assert ("no bf16 units" in caplog.text) == told
