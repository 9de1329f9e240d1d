"""The keys of all configurations, and those that a mistyped key may stand for."""

import difflib
from collections.abc import Iterable

from byzdl.config.folders import CONF
from byzdl.config.keys import GROUPS
from byzdl.config.yamls import keys, names

# Names of byzdl's keys elsewhere, as the last part of a key.
SYNONYMS = {
    "batch": "batch_size",
    "byzantine_rate": "attack.br",
    "epochs": "rounds",
    "gpu": "device",
    "iterations": "rounds",
    "jobs": "hydra.launcher.jobs",
    "learning_rate": "optimizer.lr",
    "n_nodes": "topology.n",
    "nodes": "topology.n",
    "num_nodes": "topology.n",
    "output_dir": "hydra.run.dir",
    "steps": "rounds",
}


def known_keys() -> dict[str, list[str]]:
    """Maps every key that a configuration can have to the choices of its group that have it.

    >>> known_keys()["attack.z"]
    ['alie', 'alie_1.5', 'alie_10', 'rop']
    """
    known: dict[str, list[str]] = {key: [] for key in (*GROUPS, *keys(CONF / "config.yaml"))}
    for group in GROUPS:
        for choice in names(group):
            for key in keys(CONF / group / f"{choice}.yaml"):
                known.setdefault(f"{group}.{key}", []).append(choice)
    return known


def near_keys(key: str, known: Iterable[str]) -> list[str]:
    """Lists at most three known keys that a mistyped key may stand for, the nearest first.

    Their last parts are compared: a group is typed rightly more often than its key.

    >>> near_keys("attack.brr", known_keys()), near_keys("lr", known_keys()), near_keys("attack_br", known_keys())
    (['attack.br'], ['optimizer.lr'], ['attack.br'])
    """
    known = list(known)
    if same := [name for name in known if _flat(name) == _flat(key)]:
        return same[:3]
    group, _, last = key.rpartition(".")
    # A part that is typed rightly comes before one that is only similar.
    if complete := [name for name in known if _flat(_last(name)) == _flat(last)]:
        return _by_group(complete, group)[:3]
    if meant := SYNONYMS.get(_flat(last)):
        return [meant]
    inside = [name for name in known if (name.startswith(f"{group}.") if group else "." not in name)]
    return _similar(last, inside, cutoff=0.6 if group else 0.7) or _similar(last, known, group)


def _flat(name: str) -> str:
    return name.lower().replace(".", "_").replace("-", "_")


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _similar(last: str, names: Iterable[str], group: str = "", cutoff: float = 0.7) -> list[str]:
    """The names whose last part is similar, by similarity, and then by their group's."""
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(_last(name).lower(), []).append(name)
    near = difflib.get_close_matches(last.lower(), parts, n=3, cutoff=cutoff)
    return [name for part in near for name in _by_group(parts[part], group)][:3]


def _by_group(names: Iterable[str], group: str) -> list[str]:
    def likeness(name: str) -> float:
        return difflib.SequenceMatcher(None, name.rpartition(".")[0].lower(), group.lower()).ratio()

    return sorted(names, key=likeness, reverse=True) if group else list(names)
