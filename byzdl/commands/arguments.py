"""The command line of `python train.py`, brought into the form that Hydra answers well."""

import argparse
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from byzdl.config.folders import CONF
from byzdl.config.keys import GROUPS

SWEPT = {"-m", "--multirun"}
# With these, Hydra only shows something.
SHOWN = {"-h", "--help", "--hydra-help", "--version", "-c", "--cfg", "-i", "--info", "-sc", "--shell-completion"}


def understood(arguments: Sequence[str]) -> list[str]:
    """Adds `-m` for a named sweep, and defers values that only some choices have.

    Hydra recognises a multirun config (`-cd sweeps -cn NAME`) only after composing it. If that fails it reports a
    single-run error, so `-m` is added first.

    - `arguments`: the program's name and its arguments

    >>> understood(["train.py", "attack=alie,ipm", "-m", "attack.scope=all"])
    ['train.py', 'attack=alie,ipm', '-m', 'attack.scope=choice(all)']
    """
    sweep = _named_sweep(arguments)
    if sweep is not None and not SHOWN.intersection(arguments) and not SWEPT.intersection(arguments):
        arguments = [arguments[0], "-m", *arguments[1:]]
    if not SWEPT.intersection(arguments):
        return list(arguments)
    parts = [sweep.get("params"), *(sweep.get("cases") or [])] if sweep else []
    return deferred(arguments, {key for part in parts if isinstance(part, dict) for key in part} & set(GROUPS))


def deferred(arguments: Sequence[str], named: Collection[str] = ()) -> list[str]:
    """Turns `attack.scope=all` beside `attack=alie,ipm` into a sweep of one value, `choice(all)`.

    Hydra applies an override without a sweep to the default choice before it forms any combination, and the default
    choice may lack the key.

    - `named`: the groups that a named sweep chooses

    >>> deferred(["attack=alie,ipm", "attack.z=1.5", "seed=3"])
    ['attack=alie,ipm', 'attack.z=choice(1.5)', 'seed=3']
    """
    typed = {group for group in GROUPS if any(re.fullmatch(rf"{group}=.*,.*", argument) for argument in arguments)}
    swept = typed.union(named)

    def is_single(argument: str) -> bool:
        key, _, value = argument.partition("=")
        if key.partition(".")[0] not in swept or "." not in key or not value:
            return False
        with suppress(HydraException):  # Hydra reports it later
            (override,) = OverridesParser.create().parse_overrides([argument])
            return not override.is_sweep_override()
        return False

    return [re.sub(r"=(.*)$", r"=choice(\1)", argument) if is_single(argument) else argument for argument in arguments]


def _named_sweep(arguments: Sequence[str]) -> dict[str, Any] | None:
    """The sweeper's part of a named sweep; None if the arguments name no sweep."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config-dir", "-cd", type=Path, default=CONF)
    parser.add_argument("--config-name", "-cn", default="config")
    # Hydra reports a missing or malformed file later.
    with suppress(OSError, ValueError, TypeError, AttributeError, yaml.YAMLError, argparse.ArgumentError):
        named, _ = parser.parse_known_args(arguments[1:])
        file = named.config_dir / f"{named.config_name.removesuffix('.yaml')}.yaml"
        hydra = yaml.safe_load(file.read_text(encoding="utf-8")).get("hydra")
        if hydra.get("mode") == "MULTIRUN":
            return dict(hydra.get("sweeper") or {})
    return None
