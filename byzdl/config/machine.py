"""The keys of the machine: which of their values tell two runs of one identity apart."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from byzdl.config.keys import MACHINE_KEYS, SEALED
from byzdl.config.named import is_foreign


def data_root(config: Mapping[str, Any]) -> str | None:
    """Finds the folder of the data on this machine; None for a data set without one, or whose identity has its content.

    >>> data_root({"dataset": {"root": "/data/../images"}})
    '/images'
    >>> data_root({"dataset": {"root": "/images", "checksum": "5cc3a6551605"}})
    """
    return _place(config, "dataset.root")


def differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> str | None:
    """Names a key of the machine by which two runs of one identity are told apart; None if they are one run.

    >>> differing({"device": "cpu", "writer": "none"}, {"device": "cuda", "writer": "wandb"})
    'device'
    """
    for key, rule in MACHINE_KEYS.items():
        if rule == "never" and value_of(first, key) != value_of(second, key):
            return key
        if rule == "content" and _place(first, key) != _place(second, key):
            return key
    return None


def value_of(config: Mapping[str, Any], key: str) -> Any:
    """Returns the value of a dotted key, or None without it.

    >>> value_of({"dataset": {"root": "data"}}, "dataset.root")
    'data'
    """
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _place(config: Mapping[str, Any], key: str) -> str | None:
    """The file or folder that a key names, as an absolute path; None if the identity has its content."""
    path, chosen = value_of(config, key), config.get(key.partition(".")[0])
    if not isinstance(path, str | Path) or not path or not isinstance(chosen, Mapping):
        return None
    try:
        place = Path(path).expanduser().resolve()
    except (OSError, RuntimeError, ValueError):  # Reported when it is read.
        return str(path)
    known = chosen.get(SEALED.get(key, "checksum"))
    counted = place.exists() if is_foreign(str(chosen.get("_target_") or "")) else known and None not in [*known]
    return None if counted else str(place)
