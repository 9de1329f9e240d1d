"""The number that a sweeper which optimises gets for each run."""

import logging
import math
from pathlib import Path

import pytest
from command_line import TINY, rows
from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, RunMode

from byzdl.commands.train import run
from byzdl.config.compose import compose
from byzdl.config.explain import RunFailedError
from byzdl.config.folders import CONF
from byzdl.config.identity import identity
from byzdl.config.types import ConfigError
from byzdl.runs.objective import objective
from byzdl.simulation.settings import parse


@pytest.fixture
def returned(tmp_path, monkeypatch):
    """What a sweeper gets for each combination, from the launcher of this name."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level

    def launched(launcher: str, *combinations: list[str]):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()
            overrides = [*TINY, f"hydra/launcher={launcher}"]
            sweep = loader.load_configuration("config", overrides, RunMode.MULTIRUN)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(HydraConfig.instance(), "cfg", sweep)
                context = HydraContext(config_loader=loader, callbacks=Callbacks())
                plugin = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=run, config=sweep)
                return plugin.launch(combinations, initial_job_idx=0)

    yield launched
    for handler in {*root.handlers} - {*handlers}:
        handler.close()
    root.handlers[:], root.level = handlers, level


def last(column: str, defense: str) -> float:
    (file,) = Path().glob(f"outputs/*-{defense}-*/rounds.csv")
    return float(rows(file)[-1][column])


@pytest.mark.parametrize("launcher", ["byzdl", "basic"])
def test_a_launcher_returns_the_final_accuracy_of_each_run(launcher, returned):
    asked = [["defense=mean"], ["defense=local", "objective=loss_mean"], ["defense=mean"]]
    first = returned(launcher, *asked)
    assert [one.status for one in first] == [JobStatus.COMPLETED] * 3
    values = [last("accuracy_mean", "mean"), last("loss_mean", "local")]
    assert [one.return_value for one in first] == [*values, values[0]]
    assert 0 < values[0] <= 1
    assert values[1] > 0


def test_a_failed_run_raises_in_its_place_and_stops_no_other(returned):
    unknown, empty = returned("byzdl", ["no_such_key=1"], ["defense=mean", "objective=theta_mean"])
    told = "objective is 'theta_mean', but must be a column of rounds.csv with a value in this run: round, epoch, "
    for one, line in ((unknown, "no_such_key: no such key; "), (empty, told)):
        assert one.status == JobStatus.FAILED
        with pytest.raises(RunFailedError, match=f"^{line}"):
            _ = one.return_value
    assert last("accuracy_mean", "mean") > 0  # The result is kept.


def test_an_objective_is_no_part_of_a_runs_identity():
    assert identity(compose("objective=loss_mean")) == identity(compose())
    older = compose()
    del older["objective"]
    assert identity(older) == identity(compose())
    assert parse(older).objective is None


def test_a_wrong_objective_is_refused_before_anything_is_computed():
    with pytest.raises(
        ConfigError, match=r"^objective is 'acuracy_mean', but must be one of .*\(did you mean accuracy_mean"
    ):
        parse(compose("objective=acuracy_mean"))


def test_a_validation_objective_needs_a_validation_share():
    assert parse(compose("objective=validation_accuracy_mean", "partition.validation=0.1")).objective
    with pytest.raises(ConfigError, match=r"^objective is 'validation_.*this one needs partition.validation above 0$"):
        parse(compose("objective=validation_accuracy_mean"))


def test_the_objective_is_read_exactly(tmp_path):
    (tmp_path / "rounds.csv").write_text(
        "round,accuracy_mean,loss_mean,theta_mean\n0,0.1,1.0,\n5,0.30000000000000004,nan,\n"
    )
    assert objective(tmp_path, "accuracy_mean") == 0.30000000000000004
    assert math.isnan(objective(tmp_path, "loss_mean"))
    with pytest.raises(ConfigError, match=r"with a value in this run: round, accuracy_mean, loss_mean$"):
        objective(tmp_path, "theta_mean")
    with pytest.raises(ConfigError, match=r"one of accuracy_mean, loss_mean, round, theta_mean"):
        objective(tmp_path, "accuracy_worst")
