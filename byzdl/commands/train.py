"""`byzdl run` and `byzdl sweep`, the same as `python train.py` and `python train.py -m`.

Nothing here imports torch, so that `--help` and tab completion answer at once.
"""

import os
import re
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

from byzdl.commands.arguments import understood
from byzdl.commands.asked import SHOWN, SWEPT
from byzdl.config.compose import prepare_hydra
from byzdl.config.explain import explain
from byzdl.config.folders import CONF, SWEEPS
from byzdl.config.identity import identity, plain
from byzdl.config.overrides import is_known
from byzdl.config.types import ConfigError
from byzdl.runs.folder import IMPATIENT, RunFolder
from byzdl.runs.objective import objective
from byzdl.runs.place import check_place, placed
from byzdl.sweeping.mode import check_single

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
    if not rest:
        raise ConfigError("sweep: name one, such as smoke or mine.yaml, or write what it varies, such as seed=0,1,2")
    if not rest[0].startswith("-") and re.fullmatch(r"[\w./~-]+", rest[0]) and not is_known(rest[0]):
        file = _file_of(rest[0])
        rest = ["-cd", str(file.parent), "-cn", file.stem, *rest[1:]]
    train([program, *([] if SHOWN.intersection(rest) else ["-m"]), *rest])


def _file_of(name: str) -> Path:
    """The YAML of a named sweep."""
    file = Path(name).expanduser() if name.endswith(".yaml") else SWEEPS / f"{name}.yaml"
    if not file.is_file():
        known = sorted(found.stem for found in SWEEPS.glob("*.yaml"))
        kind = f"the path of a .yaml file, or one of {', '.join(known)}"
        own = Path(f"{name.removesuffix('.yml').removesuffix('.yaml')}.yaml")
        hint = f"; for the file, write {own}" if own.is_file() and not name.endswith(".yaml") else ""
        raise ConfigError(f"{ConfigError.unknown('sweep', name, known, kind)}{hint}")
    return file


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
        if alone:
            check_single(config, chosen, sys.argv)
        with placed("hydra.run.dir" if alone else "hydra.sweep.subdir", folder):
            execute(plain(config), folder, progress=alone, patient=patient)
            return objective(folder, config.get("objective"))
    except ConfigError as error:
        if not alone:
            RunFolder(folder, identity(plain(config))).fail(str(error))
            raise
        with suppress(OSError):
            folder.rmdir()  # It is empty if nothing was computed.
        sys.exit(f"byzdl: {explain(error)}")
