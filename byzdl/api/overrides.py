"""Python values as overrides of a configuration."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from byzdl.config.grammar import text
from byzdl.config.identity import without_pre
from byzdl.config.keys import GROUPS, WITHOUT_PRE
from byzdl.config.overrides import key_of
from byzdl.config.types import Component, ConfigError
from byzdl.config.values import values
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
    refuse_hydras(lines)
    return lines, given


def refuse_hydras(lines: Iterable[str]) -> None:
    """**Raises:** `ConfigError` for a key of Hydra's own that has no effect outside of a Hydra application."""
    for line in lines:
        key = key_of(line)
        if re.match(r"hydra[./]", key) and key != "hydra.searchpath":
            raise ConfigError(f"{line}: no effect from Python; the argument folder=... says where runs are kept")


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


def with_instances(
    config: Mapping[str, Any], given: Mapping[str, Component]
) -> tuple[dict[str, Any], dict[str, Component]]:
    """Puts instances into the place of the configured choices, as plain values.

    A class outside of an importable file comes with a checksum of its source, which makes it part of the run's
    identity.

    Returns the configuration, and the instances without a pre-step that has no effect.
    """
    chosen = without_pre({**config, **{group: values(group, instance) for group, instance in given.items()}})
    dropped = chosen.get("defense", {}).get("_target_") in WITHOUT_PRE
    return chosen, {group: instance for group, instance in given.items() if not (dropped and group == "pre")}


def _lines(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _lines(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}={text(value)}"
