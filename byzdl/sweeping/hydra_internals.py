"""All uses of Hydra's private modules. Nothing else in byzdl imports these."""

import pickle
from collections.abc import Sequence
from copy import copy
from functools import cache
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig

from byzdl.sweeping.mode import check_nested

__all__ = ["BasicSweeper", "Composer", "get_args_parser"]


class Composer:
    """Composes the combinations of a sweep as Hydra does, but reads each file, and merges each choice of groups, only once.

    Hydra reads and merges all files anew for every combination. Here, the configuration of each choice of groups is kept,
    pickled. A combination is a copy of it, on which only values are set.

    - `loader`: Hydra's loader of configurations
    - `sweep`: the sweep's own configuration
    """

    def __init__(self, loader: ConfigLoader, sweep: DictConfig):
        assert isinstance(loader, ConfigLoaderImpl)
        self.loader = copy(loader)
        self.loader.repository = _Repository(loader.get_search_path())
        self.sweep = sweep
        self._chosen: dict[tuple[str, ...], bytes] = {}
        parser = OverridesParser.create()
        self._is_group = cache(self.loader.repository.group_exists)
        self._parsed = cache(lambda override: parser.parse_overrides([override])[0])

    def __call__(self, combination: Sequence[str]) -> DictConfig:
        """Composes one combination, with Hydra's own part of the configuration."""
        parsed = [self._parsed(override) for override in combination]
        task = [o for o in parsed if not o.is_hydra_override()]
        values = [o for o in task if isinstance(o.value(), dict) or not self._is_group(o.key_or_group)]
        groups = tuple(o.input_line or "" for o in parsed if o not in values)
        if groups not in self._chosen:
            chosen = self.loader.load_sweep_config(self.sweep, list(groups))
            check_nested(chosen, self.sweep, groups)
            self._chosen[groups] = pickle.dumps(chosen)
        config: DictConfig = pickle.loads(self._chosen[groups])
        self.loader._apply_overrides_to_config(values, config)
        config.hydra.overrides.task = [o.input_line for o in task]
        dirname = config.hydra.job.config.override_dirname
        config.hydra.job.override_dirname = get_overrides_dirname(
            task, dirname.exclude_keys, dirname.item_sep, dirname.kv_sep
        )
        return config


class _Repository(ConfigRepository):
    """Keeps the content of each file, pickled, because Hydra changes what it has read."""

    def __init__(self, path: ConfigSearchPath):
        super().__init__(path)
        self._read: dict[tuple[str, ...], bytes] = {}

    def load_config(self, config_path: str) -> ConfigResult | None:
        key = (config_path, *(source.path for source in self.sources))
        if key not in self._read:
            self._read[key] = pickle.dumps(super().load_config(config_path))
        found: ConfigResult | None = pickle.loads(self._read[key])
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Repository":
        """The copy that Hydra makes for each composition: it may search other folders, but shares what was read."""
        return copy(self)
