"""Labels configurations: the names that tell them apart in figures and tables.

Two runs have the same labels if and only if their configurations differ in the seed alone. A choice's name may repeat
the value of a key. Then only the key counts: `attack=alie_1.5`, with the name `alie z=1.5`, is
`attack=alie attack.z=1.5`.
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

# Names with a meaning in figures and tables, such as learning alone. A class of one's own with such a name has none.
RESERVED = {"attack.name": ("none",), "defense.name": ("oracle", "mean", "local"), "pre.name": ("none",)}

# The label that shows a key's difference.
AXIS = {"attack": "attack", "defense": "defense", "pre": "defense"}

# The part of a name that repeats the value of a key.
REPEATED = re.compile(r" ([\w.]+)=\S*")

ABSENT = "(absent)"

# Texts that look like numbers, other values or nothing, or that do not fit on a line.
MISTAKABLE = re.compile(
    r"|null|true|false|\(absent\)|[-+]?[\d.]+(e[-+]?\d+)?|[-+]?(nan|inf)|.*[\x00-\x1f\x7f\"].*", re.I | re.S
)


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
    configs = _unambiguous([_own_named_by_class(config) for config in configs])
    made = [
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
    return _told_apart(made, configs)


def scientific(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the keys that can change a result, with names that repeat no key.

    >>> scientific({"attack.name": "alie z=1.5", "attack.z": 1.5, "device": "cuda"})
    {'attack.name': 'alie', 'attack.z': 1.5}
    """
    return _plain({key: value for key, value in config.items() if key not in MACHINE_KEYS}, NAMES)


def _own_named_by_class(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Replaces a reserved name by the class, unless the class is byzdl's own."""
    classes = {name: str(config.get(f"{name.removesuffix('name')}_target_", "byzdl.")) for name in RESERVED}
    foreign = {
        name: path
        for name, path in classes.items()
        if config.get(name) in RESERVED[name] and not path.startswith("byzdl.")
    }
    return {**config, **foreign}


def _unambiguous(configs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Renames choices that would have the same label, or that are the same, to one choice.

    Then their labels show the differing keys, if there are any.
    """
    named_alike: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for config, varying in zip(configs, varying_keys(configs), strict=True):
        for name in config.keys() & NAMES:
            group = name.removesuffix("name")
            keys = {key: value for key, value in _plain(config, NAMES).items() if key.startswith(group)}
            for label in (named(group[:-1], config, varying), _exact(keys)):
                named_alike[name, label].add(str(config[name]))
    names = {name for (name, _), choices in named_alike.items() if len(choices) > 1}
    return [_plain(config, names) for config in configs]


def _plain(config: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Returns the configuration; the values of `names` no longer repeat its keys."""

    def without(name: str) -> str:
        group = name.removesuffix("name")
        return REPEATED.sub(lambda part: "" if group + part[1] in config else part[0], str(config[name]))

    return {key: without(key) if key in names else value for key, value in config.items()}


def _told_apart(made: Sequence[Labels], configs: Sequence[Mapping[str, Any]]) -> list[Labels]:
    """Adds the differing keys to labels that different configurations share, such as a pre-step's and a name's ` + `."""
    told, alike = list(made), defaultdict(list)
    for i, label in enumerate(made):
        alike[label].append(i)
    for members in alike.values():
        facts = {i: {k: _exact(v) for k, v in scientific(configs[i]).items() if k != "seed"} for i in members}
        keys = dict.fromkeys(key for fact in facts.values() for key in fact)
        for key in (key for key in keys if len({fact.get(key) for fact in facts.values()}) > 1):
            axis = AXIS.get(key.partition(".")[0], "setting")
            for i in members:
                shown = " ".join(filter(None, [getattr(told[i], axis), f"{key}={facts[i].get(key, ABSENT)}"]))
                told[i] = Labels(**{**told[i]._asdict(), axis: shown})
    return told if told == made else _told_apart(told, configs)


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


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
    return " ".join(
        [_text(config[f"{group}.name"]), *(f"{key.removeprefix(f'{group}.')}={varying[key]}" for key in own)]
    )


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
            texts = {i: _text(configs[i][key]) if key in configs[i] else ABSENT for i in members}
            if len(set(texts.values())) > 1:
                for i, text in texts.items():
                    varying[i][key] = text
    return varying


def _text(value: Any) -> str:
    """Returns the value as typed on the command line. A text that looks like another value has quotes."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and MISTAKABLE.fullmatch(value)):
        return _exact(value)
    return str(value)
