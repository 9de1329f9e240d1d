"""The source of a class that lies in no file to import, such as a class of a notebook."""

import dis
import hashlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from types import CodeType, FunctionType, NoneType
from typing import Any

import numpy as np
from torch import Tensor

Names = Iterator[tuple[str, Any]]


def source_of(kind: type) -> str | None:
    """A checksum of the source of a class, or None where a run's identity finds its file by itself.

    The source is the notebook cell, or the script, that defines the class. Without any text, as at an interactive
    prompt, it is the compiled code. It includes the functions, classes and constants that the methods refer to, which
    may come from other cells. It does not include what they import.
    """
    if _is_known(kind.__module__):
        return None
    digest = hashlib.sha256()
    for part in _parts(kind, set()):
        digest.update(part)
    return digest.hexdigest()[:16]


def _is_known(module: str | None) -> bool:
    """Whether a module is byzdl's, or a file to import."""
    if module is None or module == "__main__":
        return False
    if module.partition(".")[0] == "byzdl":
        return True
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _parts(value: Any, seen: set[int]) -> Iterator[bytes]:
    """The source of a class or a function and of all that it refers to, or the value of a constant."""
    if id(value) in seen:
        return
    if isinstance(value, type):
        seen.add(id(value))
        for function in _methods(value):
            yield from _parts(function, seen)
    elif isinstance(value, FunctionType):
        seen.add(id(value))
        lines = linecache.getlines(value.__code__.co_filename)
        yield "".join(lines).encode() if lines else _compiled(value.__code__)
        for name, other in sorted(_references(value), key=lambda pair: pair[0]):
            if not isinstance(other, type | FunctionType) or not _is_known(other.__module__):
                yield name.encode()
                yield from _parts(other, seen)
    elif (text := _constant(value)) is not None:
        yield text.encode()


def _methods(kind: type) -> Iterator[FunctionType]:
    """The methods of a class and of its bases, as far as they are the user's own."""
    for base in kind.__mro__:
        if base.__module__ in sys.stdlib_module_names or base.__module__.partition(".")[0] in ("byzdl", "pydantic"):
            continue
        for value in vars(base).values():
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(function, FunctionType):
                yield function


def _references(function: FunctionType) -> Names:
    """The names outside of a function that it uses, with their values: globals, and variables around it."""
    for name in set(_globals(function.__code__)):
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            yield name, cell.cell_contents


def _globals(code: CodeType) -> Iterator[str]:
    yield from (step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL")
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals(inner)


def _constant(value: Any) -> str | None:
    """A number, a text, an array, or a container of such, as text; None for any other object."""
    if isinstance(value, bool | int | float | complex | str | bytes | NoneType):
        return repr(value)
    if isinstance(value, np.ndarray | np.generic | Tensor):
        return repr(value.tolist())
    if isinstance(value, Mapping):
        return repr([(_constant(key), _constant(one)) for key, one in value.items()])
    if isinstance(value, AbstractSet):
        return repr(sorted(str(_constant(one)) for one in value))
    return repr([_constant(one) for one in value]) if isinstance(value, Sequence) else None


def _compiled(code: CodeType) -> bytes:
    constants: list[Any] = [_compiled(c) if isinstance(c, CodeType) else repr(c).encode() for c in code.co_consts]
    return b"".join([code.co_code, *constants, repr(code.co_names).encode()])
