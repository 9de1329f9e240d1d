"""Values in the grammar of Hydra's overrides."""

import re
from collections.abc import Mapping, Sequence
from typing import Any


def text(value: Any) -> str:
    """Writes a value in the grammar of Hydra's overrides.

    >>> text(None), text(True), text("my folder"), text([1, 2.5]), text({"lr": 0.1})
    ('null', 'true', "'my folder'", '[1,2.5]', '{lr:0.1}')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z0-9_.]+", value) is not None and not _is_other(value)
        return value if plain else "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{text(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(f"'{v}'" if isinstance(v, str) and not _quoted(v) else text(v) for v in value) + "]"
    return str(value.item()) if hasattr(value, "item") else str(value)


def _quoted(value: str) -> bool:
    return text(value).startswith("'")


def _is_other(value: str) -> bool:
    """Whether Hydra would read a bare word as something other than text."""
    if value.lower() in ("null", "true", "false", "inf", "nan"):
        return True
    try:
        float(value)
    except ValueError:
        return False
    return True
