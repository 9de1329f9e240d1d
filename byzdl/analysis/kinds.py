"""The facts and keys of a run that analysis relies on, and what each must be. A run that byzdl wrote has them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """What a value must be.

    - `takes`: in words that follow "must be"
    - `holds`: whether a value is
    - `needed`: whether every run has one
    """

    takes: str
    holds: Callable[[Any], bool]
    needed: bool = False


def _is_whole(value: Any, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value


def _is_count(value: Any) -> bool:
    return _is_whole(value, least=1) and value < 2**31  # More would fit into no table.


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_nodes(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_whole, value))


def _are_edges(value: Any) -> bool:
    return isinstance(value, list) and all(_are_nodes(edge) and len(edge) == 2 for edge in value)


def _are_checksums(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value.values()))


COUNT = Kind("an integer, at least 1", _is_count)
NAME = Kind("a name", _is_name, needed=True)

# By flat key of config.yaml.
CONFIG = {
    "attack.name": NAME,
    "attack.br": Kind("a number in [0, 1)", _is_rate, needed=True),
    "defense.name": NAME,
    "pre.name": NAME._replace(needed=False),
    "topology.name": NAME,
    "topology.n": Kind("an integer, at least 1, or null", lambda value: value is None or _is_count(value), needed=True),
    "dataset.name": NAME,
    "partition.name": NAME,
    "model.name": NAME,
    "seed": Kind("an integer, at least 0", _is_whole, needed=True),
    "rounds": COUNT._replace(needed=True),
    "eval_every": COUNT,
}

STATUSES = ("done", "failed", "running")

# By key of run.json.
RECORD = {
    "status": Kind("done, failed or running", lambda value: _is_text(value) and value in STATUSES, needed=True),
    "started": Kind("a time", _is_text),
    "identity": Kind("a text", _is_text),
    "nodes": COUNT,
    "error": Kind("a text", _is_text),
    "byzantine": Kind("a list of nodes", _are_nodes),
    "edges": Kind("a list of pairs of nodes", _are_edges),
    "redraws": Kind("a record", lambda value: isinstance(value, Mapping)),
    "sources": Kind("a record of checksums", _are_checksums),
}
