"""What tells configurations apart: the names that figures and tables give them.

Two runs get the same labels only if their configurations differ in nothing but the seed. Where the name of a
choice says again what its keys say, the keys count: `attack=alie_1.5`, whose name is `alie z=1.5`, is
`attack=alie attack.z=1.5`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from byzdl.config.keys import MACHINE_KEYS

# What has an axis of its own in figures and tables.
AXES = ("seed", "attack.name", "attack.br", "defense.name", "pre.name")

NAMES = ("attack.name", "defense.name", "pre.name")

# What a name may say of a key.
SAID = re.compile(r" ([\w.]+)=\S*")

ABSENT = "(absent)"


class Labels(NamedTuple):
    """Where a run belongs.

    - `setting`: what varies beside attack, defense and seed: `partition=dirichlet, partition.alpha=0.1`; may be empty
    - `attack`, `defense`: the name, and what varies between runs of that name: `loss_threshold theta=0.2`; a pre-step
      stands before its defense: `nnm + median`
    - `br`: the Byzantine rate
    """

    setting: str
    attack: str
    br: float
    defense: str


def labels(configs: Sequence[Mapping[str, Any]]) -> list[Labels]:
    """The labels of flat configurations, which depend on all of them: only what varies is named."""
    configs = _unambiguous(configs)
    return [
        Labels(
            setting=", ".join(
                f"{key.removesuffix('.name')}={value}"
                for key, value in varying.items()
                if not key.startswith(("attack.", "defense.", "pre."))
            ),
            attack=named("attack", config, varying),
            br=float(config["attack.br"]),
            defense=_defended(config, varying),
        )
        for config, varying in zip(configs, varying_keys(configs), strict=True)
    ]


def science(config: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that can change a result, names without what the keys say."""
    return _plain({key: value for key, value in config.items() if key not in MACHINE_KEYS}, NAMES)


def _unambiguous(configs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The configurations; where two choices of a group would be called alike, as one choice, so that what they differ in is told."""
    named_alike: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for config, varying in zip(configs, varying_keys(configs), strict=True):
        for name in config.keys() & NAMES:
            named_alike[name, named(name.removesuffix(".name"), config, varying)].add(str(config[name]))
    names = {name for (name, _), choices in named_alike.items() if len(choices) > 1}
    return [_plain(config, names) for config in configs]


def _plain(config: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """The configuration, these names without what its keys say."""

    def without(name: str) -> str:
        group = name.removesuffix("name")
        return SAID.sub(lambda part: "" if group + part[1] in config else part[0], str(config[name]))

    return {key: without(key) if key in names else value for key, value in config.items()}


def _defended(config: Mapping[str, Any], varying: Mapping[str, str]) -> str:
    """The defense, behind its pre-step: `nnm + median`."""
    defense = named("defense", config, varying)
    return defense if config.get("pre.name", "none") == "none" else f"{named('pre', config, varying)} + {defense}"


def named(group: str, config: Mapping[str, Any], varying: Mapping[str, str]) -> str:
    """The choice of a group, and what varies between configurations with that choice: `dirichlet alpha=0.1`."""
    own = [key for key in varying if key.startswith(f"{group}.") and key != f"{group}.name"]
    return " ".join([str(config[f"{group}.name"]), *(f"{key.removeprefix(f'{group}.')}={varying[key]}" for key in own)])


def varying_keys(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Of each configuration the keys, with values as text, in which others differ that are comparable to it.

    Comparable are those with the same choice in the key's group: that an iid partition has
    no `partition.alpha` is no difference worth a name beside `partition=iid`.
    """
    varying: list[dict[str, str]] = [{} for _ in configs]
    keys = dict.fromkeys(key for config in configs for key in config if key not in (*MACHINE_KEYS, *AXES))
    for key in keys:
        choice = f"{key.partition('.')[0]}.name"
        comparable = defaultdict(list)
        for i, config in enumerate(configs):
            comparable[None if key == choice else config.get(choice)].append(i)
        for members in comparable.values():
            if len({_text(configs[i].get(key, ABSENT)) for i in members}) > 1:
                for i in members:
                    varying[i][key] = _text(configs[i].get(key, ABSENT))
    return varying


def _text(value: Any) -> str:
    """As one would type it on the command line."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
