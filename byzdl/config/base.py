"""A finished run's configuration as the base of new ones, in place of `conf/config.yaml`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from byzdl.config.canonical import without_machine
from byzdl.config.explain import explain
from byzdl.config.folders import CONF
from byzdl.config.identity import identity
from byzdl.config.keys import FIRST_NAMES, GROUPS
from byzdl.config.overrides import key_of
from byzdl.config.types import ConfigError
from byzdl.config.yamls import keys, names, target

MAIN = CONF / "config.yaml"
NOW = {first: now for now, first in FIRST_NAMES.items()}


def base_of(folder: Path, overrides: Iterable[str] = ()) -> str:
    """Registers a run's configuration with Hydra, and returns the name of it there.

    A group that an override chooses anew has none of the run's keys. A value that a choice's YAML computes from others,
    such as the name of `attack=alie_1.5`, is computed again.

    - `folder`: the run's folder
    - `overrides`: the overrides of the new configurations

    **Raises:** `ConfigError`, one line, for a folder without a configuration, or with one that is none of this version.
    """
    chosen = {key_of(override) for override in overrides}
    if "experiment" in chosen:
        raise ConfigError("experiment: no override beside --from; an experiment changes the defaults")
    kept = _read(folder)
    main: Any = OmegaConf.to_container(OmegaConf.load(MAIN), resolve=False)
    kept = {**{key: value for key, value in main.items() if key not in kept and _is_machines(key, value)}, **kept}
    name = f"from_{identity(kept)}"
    for group in GROUPS:
        if group in chosen:
            kept.pop(group)
        elif "_source_" in kept[group]:
            takes = f"a choice, as {kept[group].get('_target_')} is a class of a Python session, which {folder} lacks"
            raise ConfigError.of(group, kept[group].get("name"), takes)
    node = {key: _derived(key, kept) if key in GROUPS else _literal(value) for key, value in kept.items()}
    node["defaults"] = [_default(entry, chosen) for entry in main["defaults"]]
    node["hydra"] = main["hydra"]
    ConfigStore.instance().store(name, node)
    return name


def _read(folder: Path) -> dict[str, Any]:
    """The configuration in a run's folder, with the present names of classes."""
    file = folder if folder.name == "config.yaml" else folder / "config.yaml"
    if not file.is_file():
        runs = sorted(found.parent for found in folder.glob("*/run.json")) if folder.is_dir() else []
        example = f", such as {runs[0]}" if runs else ""
        raise ConfigError.of("--from", str(folder), f"the folder of a run, with its config.yaml{example}")
    try:
        with file.open(encoding="utf-8") as lines:
            read = yaml.safe_load(lines)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(explain(error)) from error
    except (OSError, ValueError, yaml.reader.ReaderError) as error:
        raise ConfigError(f"{file}: cannot be read ({' '.join(str(error).split())})") from error
    known = {key.partition(".")[0] for key in keys(MAIN)} | set(GROUPS)
    if not isinstance(read, dict) or not known.intersection(read):
        raise ConfigError(f"{file}: no configuration of a run; write --from and the folder of a run")
    if missing := [group for group in GROUPS if not isinstance(read.get(group), dict)]:
        raise ConfigError(f"{file}: {missing[0]} is missing, as in no run's configuration")
    if unknown := [key for key in _dotted(read) if key not in keys(MAIN)]:
        raise ConfigError(f"{file}: {unknown[0]} is no key of this version of byzdl; the run is of another version")
    for group in GROUPS:
        of = read[group].get("_target_")
        read[group]["_target_"] = NOW.get(of, of)
    return read


def _dotted(read: Mapping[str, Any]) -> Iterable[str]:
    """The keys of a configuration that belong to no group."""
    for key, value in read.items():
        if key not in GROUPS:
            inner = value if isinstance(value, dict) and value else None
            yield from ([f"{key}.{one}" for one in inner] if inner is not None else [str(key)])


def _is_machines(key: str, value: Any) -> bool:
    """Whether a key is the machine's alone. An older run may lack it."""
    return key not in ("defaults", "hydra") and not without_machine({key: value})


def _default(entry: Any, chosen: set[str]) -> Any:
    """An entry of the defaults list: groups whose keys the base has itself choose nothing."""
    if not isinstance(entry, dict):
        return entry
    return {key: value if key in chosen or key.startswith("override ") else None for key, value in entry.items()}


def _derived(group: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a choice. A value that its YAML computes is an interpolation again, if that gives the same value."""
    kept = config[group]
    found = {key: _literal(value) for key, value in kept.items()}
    for choice in names(group):
        file = CONF / group / f"{choice}.yaml"
        if target(file) != kept.get("_target_"):
            continue
        computed = {key: one.default for key, one in keys(file).items() if "${" in one.default and key in kept}
        if computed and _resolved(group, {**found, **computed}, config) == kept:
            return {**found, **computed}
    return found


def _resolved(group: str, raw: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    try:
        others = {key: _literal(value) for key, value in config.items() if key not in GROUPS}
        return OmegaConf.to_container(OmegaConf.create({**others, group: raw}), resolve=True)[group]  # type: ignore[index, call-overload]
    except OmegaConfBaseException:
        return None


def _literal(value: Any) -> Any:
    """A value in which OmegaConf finds no interpolation."""
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_literal(inner) for inner in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value
