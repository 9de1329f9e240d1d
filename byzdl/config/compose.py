"""Configurations, composed as `python train.py` composes them."""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.explain import explain
from byzdl.config.folders import CONF
from byzdl.config.identity import plain, register_resolvers
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


def compose(*overrides: str, config_dir: Path | str | None = None) -> dict[str, Any]:
    """Composes a configuration from overrides as on the command line: plain, resolved containers.

    - `config_dir`: a folder with further choices, as `-cd`

    **Raises:** `ConfigError`, one line, for overrides that cannot be composed.

    >>> compose("defense=ubar", "rounds=5")["defense"]["name"]
    'ubar'
    """
    from hydra import compose as hydras
    from hydra import initialize_config_dir
    from hydra.errors import HydraException

    prepare_hydra()
    own = [f"hydra.searchpath=[{json.dumps(str(Path(config_dir).resolve()))}]"] if config_dir else []
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return plain(hydras("config", [*own, *overrides]))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from None
