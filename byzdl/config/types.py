"""The types of configuration keys, and the errors for wrong values.

Every choice in a config group is a `Component`: a frozen, typed record. Its fields are the keys that a user types. The
error for a wrong value is one line with the key, the value and the expected values.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator, model_validator
from pydantic_core import ErrorDetails


class ConfigError(ValueError):
    """A configuration that cannot be run. The message names the key, its value and the expected values.

    >>> raise ConfigError.of("rounds", 0, "an integer, at least 1")
    Traceback (most recent call last):
    byzdl.config.types.ConfigError: rounds is 0, but must be an integer, at least 1
    """

    @classmethod
    def of(cls, key: str, got: object, takes: str) -> "ConfigError":
        """Builds the error for a wrong value.

        - `got`: the value
        - `takes`: the expected values, worded to follow "must be"
        """
        return cls(f"{key} is {got!r}, but must be {takes}")

    @classmethod
    def unknown(
        cls, what: str, got: str, known: Iterable[str], kind: str | None = None, meant: str | None = None
    ) -> "ConfigError":
        """Builds the error for an unknown name, with the nearest known names.

        - `what`, `got`: the key, and the unknown name
        - `known`: all known names
        - `kind`: a description of the known names, in place of too long a list
        - `meant`: the known name of the same thing, if `got` is another name of it

        >>> print(ConfigError.unknown("pre", "nmm", ["bucketing", "nnm", "none"]))
        pre is 'nmm', but must be one of bucketing, nnm, none (did you mean nnm?)
        """
        known = sorted(known)
        lower = {name.lower(): name for name in known}
        near = [lower[name] for name in difflib.get_close_matches(got.lower(), lower, n=3, cutoff=0.5)]
        if meant in known:
            near = [meant]
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        return cls.of(what, got, f"{kind or 'one of ' + ', '.join(known)}{hint}")


class RuleError(Exception):
    """A mistake in the class of a choice. The message names the class, its answer and the expected answer."""

    @classmethod
    @contextmanager
    def of_method(cls, component: object, method: str) -> Iterator[None]:
        """Puts the class and the method in front of the message of any `RuleError` raised within."""
        try:
            yield
        except RuleError as error:
            raise cls(f"{type(component).__module__}.{type(component).__qualname__}.{method}: {error}") from error


def takes(description: str, holds: Callable[[Any], bool] = lambda value: True) -> WrapValidator:
    """Builds a validator with one error, `description`, for any wrong type or value.

    - `description`: the expected values, worded to follow "must be"
    - `holds`: whether a value of the right type is allowed

    >>> Even = Annotated[int, takes("an even integer", lambda v: v % 2 == 0)]
    """

    def validate(value: Any, parse: Callable[[Any], Any]) -> Any:
        try:
            parsed = parse(value)
        except ValidationError:
            raise ValueError(description) from None
        if not holds(parsed):
            raise ValueError(description)
        return parsed

    return WrapValidator(validate)


Count = Annotated[int, takes("an integer, at least 1", lambda v: v >= 1)]
Natural = Annotated[int, takes("an integer, at least 0", lambda v: v >= 0)]
Real = Annotated[float, takes("a finite number", math.isfinite)]
Positive = Annotated[float, takes("a number above 0", lambda v: 0 < v < math.inf)]
NonNegative = Annotated[float, takes("a number, at least 0", lambda v: 0 <= v < math.inf)]
Share = Annotated[float, takes("a number in [0, 1]", lambda v: 0 <= v <= 1)]
ProperShare = Annotated[float, takes("a number in [0, 1)", lambda v: 0 <= v < 1)]
PositiveShare = Annotated[float, takes("a number in (0, 1]", lambda v: 0 < v <= 1)]
Mixing = Annotated[
    float | Literal["uniform"], takes("a number in [0, 1], or uniform", lambda v: v == "uniform" or 0 <= v <= 1)
]


class Record(BaseModel):
    """A record that is frozen, strictly typed, and refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Component(Record):
    """One choice of a config group.

    - `name`: its name in logs, tables and legends; by default the class name in snake case

    >>> class MyRule(Component):
    ...     tau: Positive = 1.0
    >>> MyRule(tau=2.0)
    MyRule(name='my_rule', tau=2.0)
    """

    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "name" in data:
            return data
        return {"name": re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", cls.__name__).lower(), **data}


def complaint(error: ErrorDetails, prefix: str = "") -> ConfigError:
    """Builds the error for one problem of a failed validation.

    - `prefix`: the group, in front of the key
    """
    key = ".".join([*([prefix] if prefix else []), *(str(part) for part in error["loc"])])
    if error["type"] == "missing":
        return ConfigError(f"{key}: missing, and it has no default")
    if error["type"] == "extra_forbidden":
        return ConfigError(f"{key}: no such key")
    if error["type"] == "model_type":
        return ConfigError(f"{key} is {error['input']!r}, but has keys of its own; write {key}.KEY=VALUE")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):  # A check over several keys names the key itself.
        return ConfigError(f"{prefix}.{cause}" if prefix else str(cause))
    return ConfigError.of(key, error["input"], expected(error))


def expected(error: ErrorDetails) -> str:
    """Says what a key must be, by one problem of a failed validation."""
    if error["type"] == "literal_error":
        return f"one of {error['ctx']['expected']}"
    said = str(error.get("ctx", {}).get("error") or error["msg"]).removeprefix("Input should be ")
    return said.replace("a valid boolean", "true or false").replace("a valid ", "a ")
