"""The user's code behind a class: its file, and every file of the user's that this one imports, directly or not."""

import hashlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from byzdl.config.imports import Imports, imports
from byzdl.config.modules import is_installed, located
from byzdl.files import once

# A file that changed this recently, in nanoseconds, may change again without a later time of change.
RECENT = 2 * 10**9

Stamp = tuple[int, int, int]
_read: dict[Path, tuple[Stamp, str, Imports]] = {}


def code(names: Iterable[str], package: str = "") -> dict[str, tuple[Path, str]]:
    """Finds the files that decide what classes or functions do, as far as they are the user's.

    These are the files of their modules, of the packages above them, and of all modules that these import. Python's own
    files, byzdl's and those of installed packages do not count.

    - `names`: such as `mypackage.rules.Scale`
    - `package`: an installed package whose own files count, too

    Returns each module's file, and the file's SHA-256 in hexadecimal digits, by the module's name.

    >>> code(["byzdl.defenses.ubar.Ubar", "json.dumps", "yaml.dump", "no.such.Rule"])
    {}
    """
    todo = tuple(name for name in names if name.partition(".")[0] != "byzdl")
    return once(("code", todo, package), lambda: _code(todo, package)) if todo else {}


def _code(names: Iterable[str], package: str) -> dict[str, tuple[Path, str]]:
    found: dict[str, tuple[Path, str]] = {}
    todo = list(names)
    asked = set(todo)
    while todo:
        for module, file in located(todo.pop()):
            if module in found or not _counts(module, file, package):
                continue
            with suppress(OSError):  # Reported when it is imported.
                digest, imported = _reading(file, module)
                found[module] = (file, digest)
                more = {*imported.names, *(_beside(file, module) if imported.any else ())} - asked
                asked |= more
                todo += more
    return found


def _counts(module: str, file: Path, package: str) -> bool:
    top = module.partition(".")[0]
    if top == "byzdl" or (top in sys.stdlib_module_names and is_installed(file)):
        return False
    return top == package or not is_installed(file)


def _reading(file: Path, module: str) -> tuple[str, Imports]:
    """A file's checksum, and what it imports. An unchanged file is read once a process."""
    status = os.stat(file)
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
    if file in _read and _read[file][0] == stamp:
        return _read[file][1:]
    text = file.read_bytes()
    found = imports(text, module, file.stem == "__init__") if file.suffix == ".py" else Imports(frozenset(), False)
    digest = hashlib.sha256(text).hexdigest()
    if time.time_ns() - status.st_mtime_ns > RECENT:
        _read[file] = (stamp, digest, found)
    return digest, found


def _beside(file: Path, module: str) -> Iterator[str]:
    """All modules that a file can mean by a computed name: those of its package, or those next to a single file."""
    levels = module.count(".") + (file.stem == "__init__")
    folder = file.parents[max(0, levels - 1)]
    package = [module.partition(".")[0]] if levels else []
    for other in folder.rglob("*.py") if levels else [*folder.glob("*.py"), *folder.glob("*/*.py")]:
        parts = other.relative_to(folder).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            yield ".".join([*package, *(parts[:-1] if parts[-1] == "__init__" else parts)])
