"""A choice by its name, or an instance of a class of one's own."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from byzdl.api.overrides import check_kind
from byzdl.config.compose import compose
from byzdl.config.types import Component, ConfigError
from byzdl.simulation.settings import component


def chosen(group: str, choice: str | Component, keys: Mapping[str, Any]) -> Any:
    """A choice with its defaults and these keys, or the instance itself.

    **Raises:** `ConfigError` for a wrong name or key, and for keys beside an instance.
    """
    if isinstance(choice, Component):
        check_kind(group, choice)
        if keys:
            name = type(choice).__qualname__
            raise ConfigError(f"{', '.join(keys)}: no key beside an instance; its keys are arguments of {name}")
        return choice
    return component(group, {**_defaults(group, choice), **keys})


@cache
def _defaults(group: str, choice: str) -> dict[str, Any]:
    defaults: dict[str, Any] = compose(f"{group}={choice}")[group]
    return defaults
