"""Pairs the runs of two folders that have the same configuration."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from byzdl.analysis.labels import scientific
from byzdl.analysis.load import Run


class Pair(NamedTuple):
    """Holds a run of A, a run of B, and the configuration that they share."""

    config: Mapping[str, Any]
    a: Run
    b: Run


@dataclass(frozen=True)
class Match:
    """Holds the pairs of two folders, and the runs without a partner.

    - `only_a`, `only_b`: runs with a configuration that the other folder lacks
    - `ambiguous`: runs with a configuration that several runs of one folder share
    - `left_out`: keys that do not count, because not every run has them; with their values in A and in B
    """

    pairs: list[Pair] = field(default_factory=list)
    only_a: list[Run] = field(default_factory=list)
    only_b: list[Run] = field(default_factory=list)
    ambiguous: list[Run] = field(default_factory=list)
    left_out: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)


def match(a: Sequence[Run], b: Sequence[Run]) -> Match:
    """Pairs the runs of two folders by their configurations.

    Run names would not do: they hold a hash that another version may compute differently.

    - Every key that can change a result counts. `_target_` does not: a change may have moved the class.
    - A choice's name counts without the keys that it repeats (`alie z=1.5`).
    - A key is left out unless all runs with the same choice in its group have it: runs of an earlier version lack keys
      that a later one added.
    - Runs of one folder may be alike in all keys that are left. Then none of them is paired.

    >>> key = {"attack.name": "max", "defense.name": "ubar"}
    >>> a, b = [Run("old", "done", config=key)], [Run("new", "done", config={**key, "defense.extra": 1})]
    >>> match(a, b).left_out, [(pair.a.name, pair.b.name) for pair in match(a, b).pairs]
    ({'defense.extra': (set(), {'1'})}, [('old', 'new')])
    """
    is_common = _common([_identifying(run) for run in (*a, *b)])
    alike: defaultdict[str, tuple[list[Run], list[Run]]] = defaultdict(lambda: ([], []))
    matched = Match()
    for side, runs in enumerate((a, b)):
        for run in runs:
            alike[json.dumps(_shared(run, is_common), sort_keys=True, default=str)][side].append(run)
            for key in _identifying(run).keys() - _shared(run, is_common).keys():
                matched.left_out.setdefault(key, (set(), set()))[side].add(json.dumps(run.config[key], default=str))
    for of_a, of_b in alike.values():
        if not of_a or not of_b:
            matched.only_a.extend(of_a)
            matched.only_b.extend(of_b)
        elif len(of_a) == len(of_b) == 1:
            shared = {key: of_a[0].config[key] for key in _shared(of_a[0], is_common)}
            matched.pairs.append(Pair(shared, of_a[0], of_b[0]))
        else:
            matched.ambiguous.extend([*of_a, *of_b])
    return matched


def _identifying(run: Run) -> dict[str, Any]:
    """Returns the keys that can change a result. A choice goes by its name, not by its class."""
    return {key: value for key, value in scientific(run.config).items() if not key.endswith("._target_")}


def _shared(run: Run, is_common: Callable[[str, Mapping[str, Any]], bool]) -> dict[str, Any]:
    own = _identifying(run)
    return {key: own[key] for key in sorted(own) if is_common(key, own)}


def _common(configs: Sequence[Mapping[str, Any]]) -> Callable[[str, Mapping[str, Any]], bool]:
    """Returns a test of a key: do all configurations with the same choice in its group have it?"""

    def choice(key: str, config: Mapping[str, Any]) -> tuple[str, Any]:
        name = f"{key.partition('.')[0]}.name"
        return name, None if key == name else config.get(name)

    having = Counter((key, choice(key, config)) for config in configs for key in config)
    names = {f"{key.partition('.')[0]}.name" for config in configs for key in config}
    # The choice None stands for all configurations: for the name itself, and for groups without a name.
    choosing = Counter((name, config[name]) for config in configs for name in names & config.keys())

    def is_common(key: str, config: Mapping[str, Any]) -> bool:
        name, chosen = choice(key, config)
        return having[key, (name, chosen)] == (len(configs) if chosen is None else choosing[name, chosen])

    return is_common
