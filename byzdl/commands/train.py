"""`byzdl run` and `byzdl sweep`, the same as `python train.py` and `python train.py -m`.

Nothing here imports torch, so that `--help` and tab completion answer at once.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import run_job
from hydra.types import RunMode
from omegaconf import DictConfig

from byzdl.commands.arguments import SWEPT, understood
from byzdl.config.compose import prepare_hydra
from byzdl.config.folders import CONF, SWEEPS
from byzdl.config.identity import identity, plain
from byzdl.config.types import ConfigError
from byzdl.runs.folder import IMPATIENT, RunFolder
from byzdl.runs.objective import objective
from byzdl.runs.place import check_place, placed

# At import, because a process of a launcher imports this module for its task, and then resolves a configuration.
prepare_hydra()


def train(arguments: Sequence[str]) -> None:
    """Starts Hydra: one run, or with `-m` a sweep.

    - `arguments`: the program's name and its arguments

    **Raises:** `SystemExit` if a run fails; errors for wrong input, which `door` answers.
    """
    # byzdl's settings for clusters extend the launchers' own configs of the same names. Hydra warns of that.
    warnings.filterwarnings("ignore", r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema", UserWarning)
    sys.argv = understood(arguments)
    try:
        _main()
    except OSError as error:
        code = [frame.f_code for frame, _ in walk_tb(error.__traceback__)]
        if run_job.__code__ in code and run.__code__ not in code:  # Hydra could not make the folder.
            swept = SWEPT.intersection(sys.argv)
            check_place("hydra.sweep.subdir" if swept else "hydra.run.dir", Path(error.filename), error)
        raise


def sweep(arguments: Sequence[str]) -> None:
    """Runs a named sweep (`byzdl sweep smoke`, `byzdl sweep mine.yaml`), or every combination of overrides.

    - `arguments`: the program's name and its arguments

    **Raises:** `ConfigError` for an unknown sweep; otherwise as `train`.
    """
    program, *rest = arguments
    if rest and not rest[0].startswith("-") and "=" not in rest[0]:
        file = Path(rest[0]) if rest[0].endswith(".yaml") else SWEEPS / f"{rest[0]}.yaml"
        if not file.is_file():
            raise ConfigError.unknown("sweep", rest[0], [found.stem for found in SWEEPS.glob("*.yaml")])
        rest = ["-cd", str(file.parent), "-cn", file.stem, *rest[1:]]
    train([program, "-m", *rest])


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def _main(config: DictConfig) -> float:
    return run(config)


def run(config: DictConfig) -> float:
    """Computes one composed configuration into the folder that Hydra chose for it.

    Returns the run's objective, by default the final accuracy, for sweepers that optimise.

    **Raises:** `BusyError` if another process computes it, and byzdl's launcher has other runs to start first.
    """
    from byzdl.runs.execute import execute

    chosen = HydraConfig.get()
    alone = chosen.mode == RunMode.RUN
    folder = Path(chosen.runtime.output_dir)
    patient = IMPATIENT not in os.environ
    try:
        with placed("hydra.run.dir" if alone else "hydra.sweep.subdir", folder):
            execute(plain(config), folder, progress=alone, patient=patient)
            return objective(folder, str(config.get("objective", "accuracy_mean")))
    except ConfigError as error:
        if not alone:
            RunFolder(folder, identity(plain(config))).fail(str(error))
            raise
        with suppress(OSError):
            folder.rmdir()  # It is empty if nothing was computed.
        sys.exit(f"byzdl: {error}")
