"""A contract, and the error that names every contract that a component breaks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from byzdl.config.types import Component, RuleError

C = TypeVar("C", bound=Component)


class ContractError(AssertionError):
    """The contracts that a component breaks, one line each: the class and method, what was expected, what was found.

    - `broken`: these lines, by the contract's name

    >>> print(ContractError({"repeats_itself": "Mine.aggregate: gives other bits the second time"}))
    Mine.aggregate: gives other bits the second time
    """

    def __init__(self, broken: dict[str, str]):
        super().__init__("\n".join(broken.values()))
        self.broken = broken


class BrokenError(Exception):
    """One contract is broken.

    - `method`: the component's method; empty for the class as a whole
    - `found`: what was expected, and what was found
    """

    def __init__(self, method: str, found: str):
        super().__init__(found)
        self.method, self.found = method, found


class RaisedError(BrokenError):
    """A method raised where it must not."""

    def __init__(self, method: str, error: Exception):
        super().__init__(method, f"raises {type(error).__name__}: {_in_one_line(error)}")


@contextmanager
def calling(method: str) -> Iterator[None]:
    """Blames a method for whatever is raised within."""
    try:
        yield
    except BrokenError:
        raise
    except RuleError as error:  # its message says what was expected
        raise BrokenError(method, _in_one_line(error)) from error
    except Exception as error:
        raise RaisedError(method, error) from error


@dataclass(frozen=True)
class Contract(Generic[C]):
    """What every component of a kind keeps to.

    - `name`: an identifier
    - `says`: the contract as a sentence
    - `check`: raises `BrokenError` for a component that breaks it; further arguments have defaults
    """

    name: str
    says: str
    check: Callable[..., None]

    def broken_by(self, component: C, **case: Any) -> str | None:
        """One line about how a component breaks the contract, or None.

        - `case`: further arguments of the check
        """
        name = type(component).__name__
        try:
            self.check(component, **case)
        except RaisedError as raised:
            return f"{name}.{raised.method}: {raised.found} (contract: {self.says})"
        except BrokenError as broken:
            return f"{name}.{broken.method}: {broken.found}" if broken.method else f"{name}: {broken.found}"
        except Exception as error:
            return f"{name}: {RaisedError('', error).found} (contract: {self.says})"
        return None


def contracts(*checks: Callable[..., None]) -> tuple[Contract[C], ...]:
    """Contracts named after their functions; each one's sentence is the first line of the docstring."""
    return tuple(Contract(check.__name__, _first_line(check.__doc__ or ""), check) for check in checks)


def check_all(kind: type[C], them: Iterable[Contract[C]], component: C, **case: Any) -> None:
    """Raises one `ContractError` for all broken contracts, or does nothing.

    **Raises:** `TypeError` for anything but an instance of the kind.
    """
    if not isinstance(component, kind):
        got = f"the class {component.__name__}" if isinstance(component, type) else f"a {type(component).__name__}"
        wanted = f"{kind.__module__.rpartition('.')[0]}.{kind.__name__}"
        raise TypeError(f"the component is {got}, but must be an instance of a subclass of {wanted}")
    lines = {contract.name: contract.broken_by(component, **case) for contract in them}
    broken = {name: line for name, line in lines.items() if line is not None}
    if broken:
        raise ContractError(broken)


def is_a_frozen_record(component: Component, **case: Any) -> None:
    """Is a frozen record: its keys tell everything, and cannot be set."""
    for key in type(component).model_fields:
        try:
            setattr(component, key, getattr(component, key))
        except (TypeError, ValueError):  # pydantic's answer is a ValueError
            continue
        raise BrokenError("", f"must be frozen, but its key {key} can be set")
    with calling("model_validate"):
        again = type(component).model_validate(component.model_dump())
    if again != component:
        raise BrokenError("", f"is made anew from its own keys as {again!r}, but must be equal to {component!r}")


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].rstrip(".")


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())
