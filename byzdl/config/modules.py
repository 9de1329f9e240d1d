"""Finds the files of modules as Python does, but imports nothing."""

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path

SUFFIXES = (*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES, *BYTECODE_SUFFIXES)


def located(name: str) -> Iterator[tuple[str, Path]]:
    """Lists the modules that an import executes, each with its file: the packages above it, and itself.

    Ends early where a part of the name is no module, as in `package.module.Class`.

    >>> [(module, file.name) for module, file in located("byzdl.config.modules.located")]
    [('byzdl', '__init__.py'), ('byzdl.config', '__init__.py'), ('byzdl.config.modules', 'modules.py')]
    """
    folders: Sequence[str] = sys.path
    module = ""
    for part in name.split("."):
        file, folders = _found(part, folders) if module else _top(part)
        module = f"{module}.{part}" if module else part
        if file:
            yield module, Path(file)
        elif not folders:
            return


def is_installed(file: Path) -> bool:
    """Tells whether a file belongs to the standard library or to an installed package, and so is not the user's.

    >>> import json
    >>> is_installed(Path(json.__file__)), is_installed(Path("mine/rule.py"))
    (True, False)
    """
    text = os.path.abspath(file)
    return text.startswith(_installed()) or not {"site-packages", "dist-packages"}.isdisjoint(text.split(os.sep))


def _top(name: str) -> tuple[str, Sequence[str]]:
    if name in sys.builtin_module_names:
        return "", ()
    if (library := _library(name, os.getcwd(), tuple(sys.path))) is not None:
        return library
    file, folders = _found(name, sys.path)
    return (file, folders) if file else _by_finders(name) or ("", folders)


# Libraries stay where they are. Whatever else is looked for may have come or gone since the last time.
@lru_cache(maxsize=10_000)
def _library(name: str, current: str, path: tuple[str, ...]) -> tuple[str, Sequence[str]] | None:
    file, folders = _found(name, path)
    return (file, folders) if file and is_installed(Path(file)) else None


def _found(name: str, folders: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The file of a module within these folders, and the folders of its own modules."""
    parts = []
    for folder in folders:
        package = os.path.join(folder or os.getcwd(), name)
        if is_package := os.path.isdir(package):
            for suffix in SUFFIXES:
                if os.path.isfile(file := os.path.join(package, f"__init__{suffix}")):
                    return file, (package,)
        for suffix in SUFFIXES:
            if os.path.isfile(file := f"{package}{suffix}"):
                return file, ()
        if is_package:  # A package without an `__init__` may lie in several folders.
            parts.append(package)
    return "", parts


def _by_finders(name: str) -> tuple[str, Sequence[str]] | None:
    """As `_found`, by what a project's editable installation added to Python's finders."""
    for finder in sys.meta_path:
        if getattr(finder, "__name__", "") in ("BuiltinImporter", "FrozenImporter", "PathFinder"):
            continue
        spec = finder.find_spec(name, None) if hasattr(finder, "find_spec") else None
        if spec is not None and spec.origin and os.path.isfile(spec.origin):
            return spec.origin, tuple(spec.submodule_search_locations or ())
    return None


@cache
def _installed() -> tuple[str, ...]:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({os.path.join(os.path.abspath(sysconfig.get_path(kind)), "") for kind in kinds})
