"""The combinations of a sweep."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode

from byzdl.config.base import base_of
from byzdl.config.compose import prepare_hydra, with_folders
from byzdl.config.explain import explain
from byzdl.config.folders import CONF
from byzdl.config.quoting import quoted
from byzdl.config.types import ConfigError
from byzdl.sweeping.hydra_internals import BasicSweeper, Composer


@contextmanager
def composer(
    overrides: Sequence[str] = (),
    config_dir: Path | str | None = None,
    from_: Path | str | None = None,
    replaced: Iterable[str] = (),
) -> Iterator[tuple[Composer, list[tuple[str, ...]]]]:
    """Opens byzdl's configurations outside of a Hydra application. Yields a composer, and all combinations of overrides.

    - `overrides`: the overrides, with all their values
    - `config_dir`, `from_`, `replaced`: as of `byzdl.config.compose.compose`

    **Raises:** `ConfigError`, one line, for overrides that cannot be read.

    >>> with composer(["defense=ubar,mean", "rounds=5"]) as (compose, combinations):
    ...     [compose(combination).defense.name for combination in combinations]
    ['ubar', 'mean']
    """
    prepare_hydra()
    lines = with_folders(overrides, config_dir)
    hydras = [line for line in lines if line.startswith("hydra.searchpath=")]
    name = "config" if from_ is None else base_of(Path(from_), [*lines, *replaced])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        found = combinations([line for line in lines if line not in hydras], Choices(loader, name, hydras))
        yield Composer(loader, loader.load_configuration(name, hydras, RunMode.MULTIRUN)), found


class Choices:
    """The choices of a group, as `glob(...)` asks for them: with those of every folder that Hydra searches.

    - `loader`: Hydra's loader of configurations
    - `name`: the name of the sweep's configuration
    - `overrides`: the overrides that belong to Hydra itself
    """

    def __init__(self, loader: ConfigLoader, name: str | None, overrides: Sequence[str]):
        self.loader = loader
        self.name = name
        self.overrides = list(overrides)

    def get_group_options(self, group: str, results_filter: ObjectType | None = ObjectType.CONFIG) -> list[str]:
        """Lists the choices of a group; none for what is no group."""
        with suppress(HydraException, OSError):
            return self.loader.get_group_options(group, results_filter, self.name, self.overrides)
        return []


def combinations(overrides: Sequence[str], choices: Choices) -> list[tuple[str, ...]]:
    """Forms all combinations of overrides, each once and in order.

    **Raises:** `ConfigError`, one line, for an override that cannot be read, or that has no value.

    >>> with composer(["defense=ubar,mean", "seed=range(0,2)"]) as (_, found):
    ...     found
    [('defense=ubar', 'seed=0'), ('defense=ubar', 'seed=1'), ('defense=mean', 'seed=0'), ('defense=mean', 'seed=1')]
    """
    parser = OverridesParser.create(config_loader=choices)  # type: ignore[arg-type]
    try:
        parsed = parser.parse_overrides(list(overrides))
        for override in parsed:
            _check_values(override)
        (found,) = BasicSweeper.split_arguments(parsed, None)
    except HydraException as error:
        raise ConfigError(explain(error)) from None
    # Within choice(...), Hydra forgets that a text was in quotes.
    readable = cache(quoted)
    return list(dict.fromkeys(tuple(map(readable, one)) for one in found))


def _check_values(override: Override) -> None:
    """**Raises:** `ConfigError` for an override without any value: the sweep would have no run, and say nothing."""
    if not override.is_sweep_override():
        return
    if not override.is_discrete_sweep():
        raise ConfigError(
            f"{override.input_line}: has no separate values; write them out: {override.key_or_group}=1,2,3"
        )
    if next(override.sweep_string_iterator(), None) is None:
        raise ConfigError(f"{override.input_line}: has no value; byzdl list shows choices, and range(0,3) is 0,1,2")
