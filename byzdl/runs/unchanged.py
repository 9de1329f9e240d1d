"""The user's files behind a run must stay as they are until it has read them."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from byzdl.config.types import ConfigError
from byzdl.files import checksum

# The checksum of each imported file when it was first seen here, and the import that it belongs to.
_imported: dict[str, tuple[Any, str]] = {}


def check_unchanged(sources: Mapping[str, str]) -> None:
    """Compares files with their checksums, after all of them have been read.

    - `sources`: as of `byzdl.config.content.sources`

    **Raises:** `ConfigError` for a file with another content.

    >>> check_unchanged({"/nowhere/data.npz": "5cc3a6551605"})
    Traceback (most recent call last):
    byzdl.config.types.ConfigError: /nowhere/data.npz has changed while the run read it; the same command starts over
    """
    for path, known in sources.items():
        now = None
        with suppress(OSError):
            now = checksum(Path(path))
        if now != known:
            raise ConfigError(f"{path} has changed while the run read it; the same command starts over")


def check_imported(sources: Mapping[str, str]) -> None:
    """Notices code that was edited after this process, such as a notebook's, had imported it.

    - `sources`: as of `byzdl.config.content.sources`

    **Raises:** `ConfigError` for a file whose new text was not imported.
    """
    for name, module in list(sys.modules.items()) if sources else ():
        found = getattr(module, "__dict__", {})
        path = os.path.abspath(found["__file__"]) if isinstance(found.get("__file__"), str) else ""
        if path in sources and name != "__main__":
            spec, first = _imported.setdefault(path, (found.get("__spec__"), sources[path]))
            if first == sources[path]:
                continue
            if spec is found.get("__spec__"):
                takes = f"restart Python, or call importlib.reload on {name} and on what imports it"
                raise ConfigError(f"{path} has changed since it was imported; {takes}")
            _imported[path] = (found.get("__spec__"), sources[path])
