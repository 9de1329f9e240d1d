"""The code of a class that no file to import holds, such as a class of a notebook."""

import dis
import functools
import hashlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType, NoneType
from typing import Any, NamedTuple

from byzdl.config.modules import is_installed

Names = Iterator[tuple[str, Any]]


class LiveCode(NamedTuple):
    """The code of a class or function in this process.

    - `checksum`: of its source
    - `uses`: the modules that it uses, whose files count beside it
    """

    checksum: str
    uses: list[str]


def live_code(value: Any) -> LiveCode | None:
    """Reads the source of a class or function, or returns None where a run's identity finds its file by its name.

    The source is the notebook cell, or the script, that defines it. Without any text, as at an interactive prompt, it is
    the compiled code. It includes the functions, classes and constants that it refers to, which may come from other
    cells. A class or function that is made by a function, and so depends on the variables there, is treated alike.

    >>> import json
    >>> scale = eval("lambda x: x + 1", {"__name__": "__main__"})
    >>> live_code(json.dumps) is None, live_code(scale)
    (True, LiveCode(checksum='...', uses=[]))
    """
    if _is_known(value):
        return None
    digest, uses = hashlib.sha256(), set[str]()
    for part in _parts(value, set(), uses):
        digest.update(part)
    return LiveCode(digest.hexdigest()[:16], sorted(name for name in uses if not _of_library(name)))


def _is_known(value: Any) -> bool:
    """Whether a class or function is byzdl's, or is found in a file to import by its name."""
    module = value.__module__
    if module is None or module == "__main__":
        return False
    if module.partition(".")[0] == "byzdl":
        return True
    found: Any = sys.modules.get(module)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return _has_file(module) and (found is value or getattr(found, "__wrapped__", None) is value)


def _has_file(module: str) -> bool:
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _parts(value: Any, seen: set[int], uses: set[str]) -> Iterator[bytes]:
    """The source of a class or a function and of all that it refers to, or the value of a constant."""
    value = _unwrapped(value)
    if isinstance(value, bool | int | float | complex | str | bytes | NoneType):
        yield repr(value).encode()
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, ModuleType):
        uses.add(value.__name__)
    elif isinstance(value, type | FunctionType):
        if _is_known(value):
            uses.add(value.__module__)
        else:
            yield from _definition(value, seen, uses)
    elif isinstance(value, functools.partial):
        yield from _all(b"(", (value.func, value.args, value.keywords), seen, uses)
    elif isinstance(value, MethodType):
        yield from _all(b"(", (value.__func__, value.__self__), seen, uses)
    elif hasattr(value, "tolist") and hasattr(value, "dtype"):
        yield repr(value.tolist()).encode()
    elif isinstance(value, Mapping):
        for pair in value.items():
            yield from _all(b"{", pair, seen, uses)
    elif isinstance(value, AbstractSet):
        yield from _all(b"<", sorted(value, key=repr), seen, uses)
    elif isinstance(value, Sequence):
        yield from _all(b"[", value, seen, uses)
    elif not _of_library(type(value).__module__):
        yield from _parts(type(value), seen, uses)
        yield from _parts(getattr(value, "__dict__", {}), seen, uses)


def _all(mark: bytes, values: Sequence[Any], seen: set[int], uses: set[str]) -> Iterator[bytes]:
    yield mark
    for one in values:
        yield from _parts(one, seen, uses)
        yield b","


def _definition(value: type | FunctionType, seen: set[int], uses: set[str]) -> Iterator[bytes]:
    if isinstance(value, type):
        for base in value.__mro__:
            if _of_library(base.__module__):
                continue
            if base is not value and _is_known(base):
                uses.add(base.__module__)
                continue
            for name, attribute in sorted(vars(base).items()):
                function = getattr(
                    attribute, "__func__", getattr(attribute, "fget", getattr(attribute, "func", attribute))
                )
                if isinstance(_unwrapped(function), FunctionType) or not name.startswith(("_", "model_")):
                    yield name.encode()
                    yield from _parts(function, seen, uses)
        return
    lines = linecache.getlines(value.__code__.co_filename)
    yield "".join(lines).encode()
    if not lines or "<" in value.__qualname__:  # A cell may hold several lambdas.
        yield _compiled(value.__code__)
    uses.update(_imported(value.__code__))
    for name, other in sorted(_references(value), key=lambda pair: pair[0]):
        yield name.encode()
        yield from _parts(other, seen, uses)


def _unwrapped(value: Any) -> Any:
    """The function behind a decorator such as `functools.cache`."""
    while not isinstance(value, type) and isinstance(inner := getattr(value, "__wrapped__", None), FunctionType):
        value = inner
    return value


def _of_library(module: str) -> bool:
    """Whether a module is Python's, byzdl's or an installed package's."""
    if module in ("__main__", "builtins"):
        return module == "builtins"
    file = getattr(sys.modules.get(module), "__file__", None)
    return module.partition(".")[0] in ("byzdl", *sys.builtin_module_names) or bool(file and is_installed(Path(file)))


def _references(function: FunctionType) -> Names:
    """The names outside of a function that it uses, with their values: globals, and variables around it."""
    for name in {argument for name, argument in _steps(function.__code__) if name == "LOAD_GLOBAL"}:
        if name in function.__globals__:
            yield name, function.__globals__[name]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            yield name, cell.cell_contents


def _imported(code: CodeType) -> Iterator[str]:
    """The modules that a function imports when it is called."""
    module = ""
    for name, argument in _steps(code):
        if name == "IMPORT_NAME":
            module = argument
            yield module
        elif name == "IMPORT_FROM":
            yield f"{module}.{argument}"


def _steps(code: CodeType) -> Iterator[tuple[str, str]]:
    yield from ((step.opname, str(step.argval)) for step in dis.get_instructions(code))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _steps(inner)


def _compiled(code: CodeType) -> bytes:
    return b"".join([code.co_code, *map(_constant, code.co_consts), repr(code.co_names).encode()])


def _constant(value: Any) -> bytes:
    if isinstance(value, CodeType):
        return _compiled(value)
    # The order of texts in a set differs between processes.
    return repr(sorted(value, key=repr) if isinstance(value, frozenset) else value).encode()
