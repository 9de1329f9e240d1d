"""The types that configuration keys take, and how a wrong value is told.

Every choice in a config group is a `Component`: a frozen, typed record whose
fields are the keys that a user types. A value out of range is answered with one
line: the key, what it got, what it takes.
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
    """A configuration that cannot be run. Its message names the key, what it got and what it takes."""

    @classmethod
    def of(cls, key: str, got: object, takes: str) -> "ConfigError":
        return cls(f"{key} is {got!r}, but must be {takes}")

    @classmethod
    def unknown(
        cls, what: str, got: str, known: Iterable[str], kind: str | None = None, meant: str | None = None
    ) -> "ConfigError":
        """An unknown name, answered with the nearest known ones.

        - `kind`: what the known ones are, where they are too many to be told
        - `meant`: what it is another name of, if it is one
        """
        known = sorted(known)
        near = difflib.get_close_matches(got, known, n=3, cutoff=0.5)
        if meant in known:
            near = [meant]
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        return cls.of(what, got, f"{kind or 'one of ' + ', '.join(known)}{hint}")


class RuleError(Exception):
    """A mistake in a choice's own class. Its message names the class, what it answered and what was expected."""

    @classmethod
    @contextmanager
    def of_method(cls, component: object, method: str) -> Iterator[None]:
        """Put the class and the method in front of what is raised within."""
        try:
            yield
        except RuleError as error:
            raise cls(f"{type(component).__module__}.{type(component).__qualname__}.{method}: {error}") from error


def takes(description: str, holds: Callable[[Any], bool] = lambda value: True) -> WrapValidator:
    """A validator that answers any wrong type or value with `description`."""

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
    """Frozen, strictly typed, and without unknown fields."""

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
    """A complaint of a failed validation, as one line."""
    key = ".".join([*([prefix] if prefix else []), *(str(part) for part in error["loc"])])
    if error["type"] == "missing":
        return ConfigError(f"{key}: missing, and it has no default")
    if error["type"] == "extra_forbidden":
        return ConfigError(f"{key}: no such key")
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ConfigError):  # from a check over several keys, which names its own
        return ConfigError(f"{prefix}.{cause}" if prefix else str(cause))
    return ConfigError.of(key, error["input"], expected(error))


def expected(error: ErrorDetails) -> str:
    """What a key takes, by the complaint of a failed validation."""
    if error["type"] == "literal_error":
        return f"one of {error['ctx']['expected']}"
    said = str(error.get("ctx", {}).get("error") or error["msg"]).removeprefix("Input should be ")
    return said.replace("a valid boolean", "true or false").replace("a valid ", "a ")
