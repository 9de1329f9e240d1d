"""Python values as overrides of a configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import yaml

from byzdl.api.sources import source_of
from byzdl.config.folders import CONF
from byzdl.config.keys import GROUPS
from byzdl.config.types import Component, ConfigError
from byzdl.simulation.settings import KINDS


def split(overrides: Sequence[str], keys: Mapping[str, Any]) -> tuple[list[str], dict[str, Component]]:
    """Separates overrides and keywords into lines as on the command line, and instances by group.

    **Raises:** `ConfigError` for an instance of another kind than its group's, or beside an override of its group.

    >>> split(["defense=ubar"], {"rounds": 5, "attack": {"br": 0.1}, "augment": ["crop"]})
    (['defense=ubar', 'rounds=5', 'attack.br=0.1', "augment=['crop']"], {})
    """
    given = {group: value for group, value in keys.items() if isinstance(value, Component)}
    lines = [*overrides, *_lines({key: value for key, value in keys.items() if key not in given})]
    for group, instance in given.items():
        check_kind(group, instance)
    refuse_beside(lines, given)
    return lines, given


def refuse_beside(lines: Iterable[str], given: Mapping[str, Component]) -> None:
    """**Raises:** `ConfigError` for an override of a group that has an instance: it would change nothing."""
    for line in lines:
        group = line.partition("=")[0].lstrip("+~").partition(".")[0]
        if group in given:
            name = type(given[group]).__qualname__
            raise ConfigError(f"{line}: no override beside {group}={name}(...); its keys are arguments of {name}")


def check_kind(group: str, instance: Component) -> None:
    """**Raises:** `ConfigError` for an instance that its group cannot hold."""
    if group not in GROUPS:
        raise ConfigError.unknown("group", group, GROUPS)
    if not isinstance(instance, KINDS[group]):
        raise ConfigError.of(
            group, type(instance).__qualname__, f"an instance of {KINDS[group].__name__}, or the name of a choice"
        )


def with_instances(config: Mapping[str, Any], given: Mapping[str, Component]) -> dict[str, Any]:
    """Puts instances into the place of the configured choices, as plain values.

    A class outside of an importable file comes with a checksum of its source, which makes it part of the run's
    identity.
    """
    return {**config, **{group: _plain(group, instance) for group, instance in given.items()}}


def _plain(group: str, instance: Component) -> dict[str, Any]:
    source = source_of(type(instance))
    own = {"_source_": source} if source else {}
    return {"_target_": _target(group, type(instance)), **own, **instance.model_dump()}


def _target(group: str, kind: type[Component]) -> str:
    """The class's path, as the group's YAMLs have it."""
    for file in sorted((CONF / group).glob("*.yaml")) if kind.__module__.startswith("byzdl.") else ():
        target = str(yaml.safe_load(file.read_text(encoding="utf-8")).get("_target_", ""))
        module, _, name = target.rpartition(".")
        if name == kind.__name__ and getattr(import_module(module), name) is kind:
            return target
    return f"{kind.__module__}.{kind.__qualname__}"


def _lines(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={text(value)}"


def text(value: Any) -> str:
    """A value in the grammar of Hydra's overrides.

    >>> text(None), text(True), text("my folder"), text([1, 2.5])
    ('null', 'true', "'my folder'", '[1,2.5]')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = value.replace("_", "").replace(".", "").isalnum() and not _is_other(value)
        return value if plain else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, Sequence):
        return "[" + ",".join(f"'{v}'" if isinstance(v, str) and not _quoted(v) else text(v) for v in value) + "]"
    return str(value.item()) if hasattr(value, "item") else str(value)


def _quoted(value: str) -> bool:
    return text(value).startswith("'")


def _is_other(value: str) -> bool:
    """Whether Hydra would read a bare word as something other than text."""
    if value.lower() in ("null", "true", "false", "inf", "nan"):
        return True
    try:
        float(value)
    except ValueError:
        return False
    return True
