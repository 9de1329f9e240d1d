"""One spelling for each value, so that equal configurations have equal text, and different ones have not."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any
from uuid import UUID

from byzdl.config.keys import FIRST_NAMES, LATER, LATER_OF, MACHINE_KEYS, SEALED
from byzdl.config.types import ConfigError

# Their text says all that there is to know about them.
TOLD = (PurePath, date, time, timedelta, Decimal, Fraction, UUID, complex)


def number(value: Any) -> Any:
    """Turns a whole float into an integer.

    >>> number(10.0), number(0.5), number("10.0")
    (10, 0.5, '10.0')
    """
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without_machine(config: Mapping[str, Any]) -> dict[str, Any]:
    """Removes the machine's keys, gives each class its first name, and turns whole floats into integers.

    A later key with the value of earlier results is removed, too.

    **Raises:** `ConfigError` for a value that is known by its place in memory alone.

    >>> without_machine({"device": "cuda", "optimizer": {"momentum": 0.0}})
    {'optimizer': {'momentum': 0}}
    """
    kept = ((key, value) for key, value in _mapping(config, "") if key != "hydra")
    return {key: value for key, value in kept if key not in LATER or LATER[key] != value}


def _mapping(values: Mapping[Any, Any], path: str) -> Iterator[tuple[str, Any]]:
    later = LATER_OF.get(str(values.get("_target_")), {})
    for key, value in values.items():
        if key in later and later[key] == value:
            continue
        # JSON would make one key of 1 and "1".
        text = key if isinstance(key, str) else f"{type(key).__name__} {key}"
        inner = f"{path}.{text}" if path else text
        if not _is_the_machines(inner, values):
            yield text, FIRST_NAMES.get(value, value) if key == "_target_" else _one(value, inner)


def _is_the_machines(path: str, values: Mapping[Any, Any]) -> bool:
    """Tells whether a key of these values is no part of an identity. A path may need a checksum in its place."""
    sealed = path not in SEALED or values.get(SEALED[path]) is not None
    return path in MACHINE_KEYS and sealed


def _one(value: Any, path: str) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Enum):
        return [type(value).__name__, value.name]
    if value is None or isinstance(value, str | bool | int | float):
        return number(value)
    if isinstance(value, Mapping):
        return dict(_mapping(value, path))
    if isinstance(value, list | tuple):
        return [_one(inner, path) for inner in value]
    if isinstance(value, AbstractSet):
        return ["set", *sorted((_one(inner, path) for inner in value), key=repr)]
    if isinstance(value, bytes | bytearray):
        return ["bytes", value.hex()]
    if isinstance(value, TOLD):
        return str(value)
    if isinstance(value, type | FunctionType | BuiltinFunctionType) and "<" not in value.__qualname__:
        return f"{value.__module__}.{value.__qualname__}"
    if hasattr(value, "tolist") and hasattr(value, "dtype"):  # an array, a tensor, or one number of such
        listed = value.tolist()
        return ["array", str(value.dtype), _one(listed, path)] if isinstance(listed, list) else number(listed)
    kind = f"an object of {type(value).__module__}.{type(value).__qualname__}"
    takes = (
        "made of numbers, texts, lists, mappings, arrays and functions in a run that is kept, as others have no name"
    )
    raise ConfigError(f"{path} is {kind}, but must be {takes}")
