"""Labels configurations: the names that tell them apart in figures and tables.

Two runs have the same labels only if their configurations differ in the seed alone. A choice's name may repeat the
value of a key. Then only the key counts: `attack=alie_1.5`, with the name `alie z=1.5`, is `attack=alie attack.z=1.5`.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from byzdl.config.keys import MACHINE_KEYS

# Keys with an axis of their own in figures and tables.
AXES = ("seed", "attack.name", "attack.br", "defense.name", "pre.name")

NAMES = ("attack.name", "defense.name", "pre.name")

# The part of a name that repeats the value of a key.
REPEATED = re.compile(r" ([\w.]+)=\S*")

ABSENT = "(absent)"


class Labels(NamedTuple):
    """Holds the labels of a run.

    - `setting`: the varying keys beside attack, defense and seed: `partition=dirichlet, partition.alpha=0.1`. May be
      empty
    - `attack`, `defense`: the name, and the keys that vary among runs of that name: `loss_threshold theta=0.2`. A
      pre-step comes before its defense: `nnm + median`
    - `br`: the Byzantine rate
    """

    setting: str
    attack: str
    br: float
    defense: str


def labels(configs: Sequence[Mapping[str, Any]]) -> list[Labels]:
    """Labels flat configurations. A label names only varying keys, so it depends on all configurations.

    >>> ubar = {"attack.name": "max", "attack.br": 0.3, "defense.name": "ubar"}
    >>> [label.defense for label in labels([{**ubar, "defense.rho": 0.2}, {**ubar, "defense.rho": 0.4}])]
    ['ubar rho=0.2', 'ubar rho=0.4']
    """
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


def scientific(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keys that can change a result, with names that repeat no key.

    >>> scientific({"attack.name": "alie z=1.5", "attack.z": 1.5, "device": "cuda"})
    {'attack.name': 'alie', 'attack.z': 1.5}
    """
    return _plain({key: value for key, value in config.items() if key not in MACHINE_KEYS}, NAMES)


def _unambiguous(configs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Renames choices that would have the same label to one choice, so that their labels show the differing keys."""
    named_alike: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for config, varying in zip(configs, varying_keys(configs), strict=True):
        for name in config.keys() & NAMES:
            named_alike[name, named(name.removesuffix(".name"), config, varying)].add(str(config[name]))
    names = {name for (name, _), choices in named_alike.items() if len(choices) > 1}
    return [_plain(config, names) for config in configs]


def _plain(config: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Returns the configuration; the values of `names` no longer repeat its keys."""

    def without(name: str) -> str:
        group = name.removesuffix("name")
        return REPEATED.sub(lambda part: "" if group + part[1] in config else part[0], str(config[name]))

    return {key: without(key) if key in names else value for key, value in config.items()}


def _defended(config: Mapping[str, Any], varying: Mapping[str, str]) -> str:
    """Returns the defense's label, behind that of its pre-step: `nnm + median`."""
    defense = named("defense", config, varying)
    return defense if config.get("pre.name", "none") == "none" else f"{named('pre', config, varying)} + {defense}"


def named(group: str, config: Mapping[str, Any], varying: Mapping[str, str]) -> str:
    """Returns the name of a group's choice, and the keys that vary among configurations with that choice.

    - `varying`: the configuration's entry of `varying_keys`

    >>> named("partition", {"partition.name": "dirichlet"}, {"partition.alpha": "0.1"})
    'dirichlet alpha=0.1'
    """
    own = [key for key in varying if key.startswith(f"{group}.") and key != f"{group}.name"]
    return " ".join([str(config[f"{group}.name"]), *(f"{key.removeprefix(f'{group}.')}={varying[key]}" for key in own)])


def varying_keys(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Returns, for each configuration, the keys in which comparable ones differ. Values are text.

    Configurations are comparable if they have the same choice in the key's group. An iid partition has no
    `partition.alpha`, but `partition=iid` says so already.

    >>> varying_keys([{"seed": 0, "rounds": 10}, {"seed": 1, "rounds": 20}])
    [{'rounds': '10'}, {'rounds': '20'}]
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
    """Returns the value as typed on the command line."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
