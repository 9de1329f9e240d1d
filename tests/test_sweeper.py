"""How a sweep is planned."""

import pytest
from helpers import CONF
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf

import byzdl.cli  # noqa: F401


def test_a_sweeps_combinations_are_composed_as_hydra_composes_them():
    """The sweeper composes each choice of groups once and sets values on a copy: the result must be Hydra's own."""
    from hydra_plugins.byzdl import Composer  # found once byzdl.cli is there, as by Hydra

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
