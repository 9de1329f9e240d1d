"""The source of a class that lies in no file to import, such as a class of a notebook."""

import hashlib
import importlib.util
import linecache
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any


def source_of(kind: type) -> str | None:
    """A checksum of the source of a class, or None where a run's identity finds its file by itself.

    The source is the notebook cell, or the script, that defines the class. Without any text, as at an interactive
    prompt, it is the compiled code.
    """
    if kind.__module__.partition(".")[0] == "byzdl" or _has_file(kind.__module__):
        return None
    digest = hashlib.sha256()
    for code in _codes(kind):
        lines = linecache.getlines(code.co_filename)
        digest.update("".join(lines).encode() if lines else _compiled(code))
    return digest.hexdigest()[:16]


def _has_file(module: str) -> bool:
    if module == "__main__":
        return False
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _codes(kind: type) -> Iterator[CodeType]:
    """The code of the methods of a class and of its bases, as far as they are the user's own."""
    for base in kind.__mro__:
        if base.__module__ in sys.stdlib_module_names or base.__module__.partition(".")[0] in ("byzdl", "pydantic"):
            continue
        for value in vars(base).values():
            function = getattr(value, "__func__", getattr(value, "fget", value))
            if isinstance(function, FunctionType):
                yield function.__code__


def _compiled(code: CodeType) -> bytes:
    constants: list[Any] = [_compiled(c) if isinstance(c, CodeType) else repr(c).encode() for c in code.co_consts]
    return b"".join([code.co_code, *constants, repr(code.co_names).encode()])
