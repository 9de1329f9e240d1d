"""The folder of one combination of a sweep, known before the run starts."""

import os
import re
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.types import ConfigError
from byzdl.runs.place import check_place


def folder_of(config: DictConfig) -> Path:
    """Finds the folder that a combination is written to: `hydra.sweep.subdir` within `hydra.sweep.dir`.

    - `config`: the composed configuration, with Hydra's own part

    **Raises:** `ConfigError` if the folder depends on the number of the job, or if it cannot be made. Finished runs are
    skipped, so that the same combination has another number when the sweep starts again.

    >>> folder_of(OmegaConf.create({"hydra": {"sweep": {"dir": "outputs", "subdir": "s${seed}"}}, "seed": 3}))
    PosixPath('outputs/s3')
    """
    sweep = config.hydra.sweep
    try:
        folder = Path(str(sweep.dir), str(sweep.subdir))
    except OmegaConfBaseException:
        raw = str(OmegaConf.to_container(sweep, resolve=False)["subdir"])  # type: ignore[index, call-overload]
        if re.search(r"hydra[.:]job\.(num|id)\b", raw) is None:
            raise
        takes = "a name that follows from the configuration alone, such as ${run_name:}, and not from a job's number"
        raise ConfigError.of("hydra.sweep.subdir", raw, takes) from None
    if not os.path.isdir(folder):
        check_place("hydra.sweep.subdir", folder)
    return folder
