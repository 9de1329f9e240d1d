"""One run or a sweep: what is asked for in one mode, and has an effect only in the other, is refused."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError

SWEEPER = {"_target_", "params", "cases", "max_batch_size"}


def check_single(config: DictConfig, hydra: Any, arguments: Sequence[str]) -> None:
    """Checks the configuration of a single run.

    - `config`, `hydra`: the composed configuration, and Hydra's own part
    - `arguments`: the command line; `hydra.mode=RUN` there asks for one run of a sweep's configuration

    **Raises:** `ConfigError` for values of a sweep, for the folder of a sweep, and for a YAML that begins from nothing.
    """
    if all(group not in config for group in GROUPS):
        name = hydra.job.config_name
        raise ConfigError(
            f"-cn {name}: no attack, no defense; a YAML of your own begins with defaults: [/config, _self_]"
        )
    if _swept(hydra) and "hydra.mode=RUN" not in arguments:
        keys = ", ".join(_keys(hydra))
        raise ConfigError(
            f"hydra.sweeper has values for {keys}, but this is a single run; add -m, or hydra: {{mode: MULTIRUN}} to the "
            f"YAML, or hydra.mode=RUN to go without them"
        )
    _check_sweeper(hydra)
    _check_folder(hydra, "hydra.sweep.dir", "hydra.run.dir", "in a single run")


def check_sweep(config: DictConfig) -> None:
    """**Raises:** `ConfigError` if a sweep is asked for the folder of a single run."""
    _check_sweeper(config.hydra)
    _check_folder(config.hydra, "hydra.run.dir", "hydra.sweep.dir", "in a sweep")


def check_nested(config: DictConfig, sweep: DictConfig, groups: Sequence[str]) -> None:
    """Checks that no choice of a combination brings a sweep of its own.

    - `config`: the configuration of the combination
    - `sweep`: the configuration of the sweep
    - `groups`: the choices of the combination

    **Raises:** `ConfigError` with the choices.
    """
    own = _swept(config.hydra)
    if own and own != _swept(sweep.hydra):
        keys = ", ".join(_keys(config.hydra))
        chosen = [word for word in groups if word.startswith("experiment=")] or groups
        raise ConfigError(
            f"{' '.join(chosen)} has values of its own for {keys}, of no effect within another sweep; choose it alone, or "
            f"write its values as overrides"
        )


def _swept(hydra: DictConfig) -> dict[str, Any]:
    """The sweep's params and cases, without empty ones."""
    sweeper: Any = OmegaConf.to_container(hydra.sweeper, resolve=False)
    return {key: sweeper[key] for key in ("params", "cases") if sweeper.get(key)}


def _keys(hydra: DictConfig) -> list[str]:
    swept = _swept(hydra)
    parts = [swept.get("params"), *(swept["cases"] if isinstance(swept.get("cases"), list) else [])]
    return list(dict.fromkeys(str(key) for part in parts if isinstance(part, dict) for key in part))


def _check_sweeper(hydra: DictConfig) -> None:
    """**Raises:** `ConfigError` for a key that byzdl's sweeper has not: Hydra would take it in silence."""
    if hydra.sweeper.get("_target_") == "hydra_plugins.byzdl.Sweeper":
        unknown = [str(key) for key in hydra.sweeper if key not in SWEEPER]
        if unknown:
            raise ConfigError.unknown("a key of hydra.sweeper", unknown[0], SWEEPER - {"_target_"})


def _check_folder(hydra: DictConfig, typed: str, meant: str, where: str) -> None:
    """**Raises:** `ConfigError` if the key of a folder was typed that has no effect in this mode."""
    words: Any = OmegaConf.to_container(hydra.overrides.hydra, resolve=False)
    found = [word for word in words if word.startswith(f"{typed}=")]
    if found and not any(word.startswith(f"{meant}=") for word in words):
        raise ConfigError(f"{found[0]}: no effect {where}; write {meant}={found[0].partition('=')[2]}")
