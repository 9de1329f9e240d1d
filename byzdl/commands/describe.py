"""`byzdl list` and `byzdl explain` show all choices, and the meaning of a key."""

import argparse
import textwrap
from collections.abc import Sequence

from byzdl.config.describe import choices, describe
from byzdl.config.keys import GROUPS
from byzdl.config.types import ConfigError


def list_choices(arguments: Sequence[str]) -> None:
    """Prints the choices of a group, or of all groups.

    **Raises:** `ConfigError` for an unknown group.

    >>> list_choices(["pre"])
    pre:
      arc        ...
      bucketing  ...
      none       ...
    """
    parser = argparse.ArgumentParser(prog="byzdl list", description="All choices of a config group, with a line each.")
    parser.add_argument("group", nargs="?", metavar="GROUP", help=", ".join(GROUPS))
    group = parser.parse_args(arguments).group
    if group is not None and group not in GROUPS:
        raise ConfigError.unknown("group", group, GROUPS)
    for name in GROUPS if group is None else (group,):
        print(f"{name}:")
        found = choices(name)
        width = max(map(len, found))
        for choice, line in found.items():
            indent = " " * (width + 4)
            print(textwrap.fill(f"  {choice:{width}s}  {line}", 110, subsequent_indent=indent))


def explain(arguments: Sequence[str]) -> None:
    """Prints the meaning of a key, a group or a choice.

    **Raises:** `ConfigError` if there is none of that name.

    >>> explain(["rounds"])
    rounds: ...
    """
    parser = argparse.ArgumentParser(prog="byzdl explain", description="The meaning, type and default of a key.")
    parser.add_argument("key", metavar="KEY", help="such as defense.theta, rounds, defense=ubar or attack")
    print(describe(parser.parse_args(arguments).key))
