"""The combinations of a sweep outside of a Hydra application."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode

from byzdl.config.compose import prepare_hydra
from byzdl.config.explain import explain
from byzdl.config.folders import CONF
from byzdl.config.types import ConfigError
from byzdl.sweeping.hydra_internals import BasicSweeper, Composer


@contextmanager
def composer() -> Iterator[Composer]:
    """Opens byzdl's configurations, to compose many combinations of overrides.

    >>> with composer() as compose:
    ...     compose(["defense=ubar", "rounds=5"]).defense.name
    'ubar'
    """
    prepare_hydra()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        yield Composer(loader, loader.load_configuration("config", [], RunMode.MULTIRUN))


def combinations(overrides: Sequence[str]) -> list[tuple[str, ...]]:
    """Forms all combinations of overrides, each once and in order.

    **Raises:** `ConfigError`, one line, for an override that cannot be parsed.

    >>> combinations(["defense=ubar,mean", "seed=range(0,2)", "rounds=5"])
    [('defense=ubar', 'seed=0', 'rounds=5'), ('defense=ubar', 'seed=1', 'rounds=5'),
     ('defense=mean', 'seed=0', 'rounds=5'), ('defense=mean', 'seed=1', 'rounds=5')]
    """
    try:
        (found,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(list(overrides)), None)
    except HydraException as error:
        raise ConfigError(explain(error)) from None
    return list(dict.fromkeys(map(tuple, found)))
