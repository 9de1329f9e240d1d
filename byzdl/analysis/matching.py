"""Which runs of two folders are of the same configuration."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from byzdl.analysis.labels import science
from byzdl.analysis.load import Run


class Pair(NamedTuple):
    """A run of A and one of B, and the configuration that they share."""

    config: Mapping[str, Any]
    a: Run
    b: Run


@dataclass(frozen=True)
class Match:
    """What two folders of runs have in common.

    - `only_a`, `only_b`: runs whose configuration the other folder doesn't have
    - `ambiguous`: runs of either side where more than one of a side are alike
    - `left_out`: keys that nothing is matched by, as not every run has them, with their values in A and in B
    """

    pairs: list[Pair] = field(default_factory=list)
    only_a: list[Run] = field(default_factory=list)
    only_b: list[Run] = field(default_factory=list)
    ambiguous: list[Run] = field(default_factory=list)
    left_out: dict[str, tuple[set[str], set[str]]] = field(default_factory=dict)


def match(a: Sequence[Run], b: Sequence[Run]) -> Match:
    """Pair the runs of two folders by their configurations: names hold a hash that another byzdl may compute otherwise.

    Every key counts that can change a result; of a choice its name, less what its keys say again (`alie z=1.5`), and not
    `_target_`, which a change may have moved.
    A key that not every run of the same choice has is left out: what a later byzdl added, a run of an
    earlier one cannot say. Where runs of one side are then alike, none of them is paired.
    """
    is_common = _common([_science(run) for run in (*a, *b)])
    alike: defaultdict[str, tuple[list[Run], list[Run]]] = defaultdict(lambda: ([], []))
    matched = Match()
    for side, runs in enumerate((a, b)):
        for run in runs:
            alike[json.dumps(_shared(run, is_common), sort_keys=True, default=str)][side].append(run)
            for key in _science(run).keys() - _shared(run, is_common).keys():
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


def _science(run: Run) -> dict[str, Any]:
    """The keys that can change a result, and tell one choice from another."""
    return {key: value for key, value in science(run.config).items() if not key.endswith("._target_")}


def _shared(run: Run, is_common: Callable[[str, Mapping[str, Any]], bool]) -> dict[str, Any]:
    own = _science(run)
    return {key: own[key] for key in sorted(own) if is_common(key, own)}


def _common(configs: Sequence[Mapping[str, Any]]) -> Callable[[str, Mapping[str, Any]], bool]:
    """Whether all those configurations have a key that have the same choice in its group."""

    def choice(key: str, config: Mapping[str, Any]) -> tuple[str, Any]:
        name = f"{key.partition('.')[0]}.name"
        return name, None if key == name else config.get(name)

    having = Counter((key, choice(key, config)) for config in configs for key in config)
    names = {f"{key.partition('.')[0]}.name" for config in configs for key in config}
    # None stands for all of them: for the name itself, and for groups without one.
    choosing = Counter((name, config[name]) for config in configs for name in names & config.keys())

    def is_common(key: str, config: Mapping[str, Any]) -> bool:
        name, chosen = choice(key, config)
        return having[key, (name, chosen)] == (len(configs) if chosen is None else choosing[name, chosen])

    return is_common
