"""How a sweep is planned."""

from functools import partial
from types import SimpleNamespace

import pytest
from helpers import CONF, choices
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

from byzdl.config.types import ConfigError
from byzdl.sweeping.combinations import composer
from byzdl.sweeping.hydra_internals import Composer
from byzdl.sweeping.plan import planned
from byzdl.sweeping.sweeper import Sweeper, _composed


def test_a_sweeps_combinations_are_composed_as_hydra_composes_them():
    """The sweeper composes each choice of groups once and sets values on a copy: the result must be Hydra's own."""
    combinations = [
        ["defense=ubar", "attack.br=0.3", "seed=1"],
        ["defense=ubar", "attack.br=0.5", "seed=2"],
        ["seed=2", "attack=alie", "defense=loss_threshold", "defense.alpha=0.3", "attack.z=1.5"],
        ["attack=alie", "attack.z=paper", "+note=[1,2]", "++rounds=7", "~defense.patience"],
        ["model=cnn", "model.channels=[4,8]", "experiment=paper", "optimizer={lr: 0.2}"],
        ["model=cnn", "hydra.job.config.override_dirname.exclude_keys=[model]"],
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        sweep = loader.load_configuration("config", ["hydra.sweep.dir=somewhere"], RunMode.MULTIRUN)
        compose = Composer(loader, sweep)
        for combination in combinations:
            for _ in range(2):  # nothing that one combination sets stays for the next
                mine, hydras = compose(combination), loader.load_sweep_config(sweep, combination)
                assert OmegaConf.to_container(mine) == OmegaConf.to_container(hydras)
        for wrong in (["defence=ubar"], ["defense=ubra"], ["attack.bb=0.3"], ["~seeed"]):
            with pytest.raises(HydraException) as hydras_error:
                loader.load_sweep_config(sweep, wrong)
            with pytest.raises(HydraException) as mine_error:
                compose(wrong)
            assert str(mine_error.value) == str(hydras_error.value)


def test_all_combinations_are_of_the_same_files(tmp_path):
    (tmp_path / "defense").mkdir()
    own = tmp_path / "defense" / "mine.yaml"
    own.write_text("defaults: [ubar]\nname: before\n")
    with composer(["defense=mine", "attack=max,alie"], config_dir=tmp_path) as (compose, (first, second)):
        assert compose(first).defense.name == "before"
        own.write_text("defaults: [ubar]\nname: after\n")
        assert compose(second).defense.name == "before"


def combinations(arguments=(), **sweeper):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        found = Sweeper(**sweeper)
        found.hydra_context = SimpleNamespace(config_loader=GlobalHydra.instance().config_loader())
        return found._combinations(list(arguments))


def test_cases_are_combined_with_the_params_and_not_with_each_other():
    sweep = {
        "params": {"seed": "0,1", "rounds": 3},
        "cases": [{"defense": "ubar", "attack": "max,alie"}, {"defense": "d_krum", "rounds": 4}],
    }
    assert combinations(**sweep) == [
        ("seed=0", "rounds=3", "defense=ubar", "attack=max"),
        ("seed=0", "rounds=3", "defense=ubar", "attack=alie"),
        ("seed=1", "rounds=3", "defense=ubar", "attack=max"),
        ("seed=1", "rounds=3", "defense=ubar", "attack=alie"),
        ("seed=0", "rounds=4", "defense=d_krum"),
        ("seed=1", "rounds=4", "defense=d_krum"),
    ]
    # What is typed comes last, and what it makes the same is one run.
    typed = ["defense=mean", "attack=ipm", "seed=5", "rounds=6"]
    once = ("seed=5", "rounds=6", "defense=mean", "attack=ipm")
    assert combinations(typed, params=sweep["params"], cases=[{"defense": "ubar", "attack": "max,alie"}] * 2) == [once]
    assert combinations(["seed=1,1"]) == [("seed=1",)]


def test_combinations_that_are_the_same_run_are_one_unless_each_has_a_folder_of_its_own(tmp_path):
    def plan(*more):
        with initialize_config_dir(str(CONF), version_base="1.3"):
            loader = GlobalHydra.instance().config_loader()
            sweep = loader.load_configuration("config", [f"hydra.sweep.dir={tmp_path}", *more], RunMode.MULTIRUN)
            asked = [(f"defense={defense}", f"pre={pre}") for defense in ("local", "median") for pre in ("none", "nnm")]
            return [
                (run.overrides, run.folder.name) for run in planned(asked, partial(_composed, Composer(loader, sweep)))
            ]

    first, *others = plan()
    assert first[0] == ("defense=local", "pre=none")
    assert [overrides for overrides, _ in others] == [("defense=median", "pre=none"), ("defense=median", "pre=nnm")]
    folders = [folder for _, folder in plan("hydra.sweep.subdir=${defense.name}-${pre.name}")]
    assert folders == ["local-none", "local-nnm", "median-none", "median-nnm"]


@pytest.mark.parametrize("wrong", ["defense=ubar", {"defense": "ubar"}, ["ubar"], 3])
def test_cases_that_are_none_are_told_in_one_line(wrong):
    with pytest.raises(ConfigError, match=r"^hydra.sweeper.cases is .*, but must be a list such as"):
        combinations(cases=wrong)


def test_the_ci_sweep_has_every_choice_without_naming_it(tmp_path):
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "mine.yaml").write_text("defaults: [max]\nname: mine\n")
    with initialize_config_dir(str(CONF.parent / "sweeps"), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        folders = f"hydra.searchpath=[{CONF},{tmp_path}]"
        sweeper = loader.load_configuration("smoke", [folders], RunMode.MULTIRUN).hydra.sweeper
        found = Sweeper(**{key: OmegaConf.to_container(sweeper, resolve=True)[key] for key in ("params", "cases")})
        found.hydra_context = SimpleNamespace(config_loader=loader)
        runs = [dict(one.split("=", 1) for one in combination) for combination in found._combinations([])]
    assert {run["attack"] for run in runs if run["defense"] == "ubar"} == {*choices("attack"), "mine"}
    assert {run["defense"] for run in runs if run["attack"] == "max"} == set(choices("defense"))
