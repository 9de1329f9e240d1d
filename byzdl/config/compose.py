"""Configurations, composed as `python train.py` composes them."""

import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.base import base_of
from byzdl.config.explain import explain
from byzdl.config.folders import CONF
from byzdl.config.identity import plain, register_resolvers
from byzdl.config.overrides import checked, key_of, searched
from byzdl.config.shadows import check_folders
from byzdl.config.types import ConfigError

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"


@cache
def prepare_hydra() -> None:
    """Registers what configurations resolve, and lets Hydra find byzdl's sweeper and launcher. Once a process."""
    register_resolvers()
    # Hydra takes plugins from the folders `hydra_plugins` on the path.
    sys.path.append(str(PLUGINS))
    # Hydra's first search for plugins executes its own ones again. A class derived before that has another base.
    Plugins.instance()


def compose(
    *overrides: str,
    config_dir: Path | str | None = None,
    from_: Path | str | None = None,
    replaced: Iterable[str] = (),
) -> dict[str, Any]:
    """Composes a configuration from overrides as on the command line: plain, resolved containers.

    - `config_dir`: a folder with further choices, as `-cd`
    - `from_`: the folder of a run, whose configuration replaces the defaults, as `--from`
    - `replaced`: groups that the caller replaces afterwards

    **Raises:** `ConfigError`, one line, for overrides that cannot be composed.

    >>> compose("defense=ubar", "rounds=5")["defense"]["name"]
    'ubar'
    """
    from hydra import compose as hydras
    from hydra import initialize_config_dir
    from hydra.errors import HydraException

    prepare_hydra()
    lines = with_folders(overrides, config_dir)
    name = base_of(Path(from_), [*overrides, *replaced]) if from_ is not None else "config"
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return plain(hydras(name, lines))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from None


def with_folders(overrides: Sequence[str], config_dir: Path | str | None = None) -> list[str]:
    """Checks overrides and their folders of choices, and adds `config_dir` to these folders.

    **Raises:** `ConfigError`, one line, for an override or a folder that Hydra would misread.

    >>> with_folders(["seed=1"])
    ['seed=1']
    """
    own = [] if config_dir is None else check_folders([config_dir])
    typed = searched(overrides)
    folders = check_folders([*own, *typed], "hydra.searchpath")
    lines = [line for line in checked(overrides, folders) if key_of(line) != "hydra.searchpath"]
    # Hydra takes the first of several search paths, and drops the others.
    path = [*(str(folder.resolve()) for folder in own), *typed]
    return [*([f"hydra.searchpath={json.dumps(path)}"] if path else []), *lines]
