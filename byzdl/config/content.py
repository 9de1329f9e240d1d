"""The user's files behind a configuration: code, data and graphs, whose content is a part of a run's identity."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from byzdl.config.code import code
from byzdl.config.keys import CALLERS, GROUPS
from byzdl.config.modules import is_installed
from byzdl.config.named import checksums, classes, is_foreign, paths
from byzdl.files import checksum


class Content(NamedTuple):
    """What a run depends on beyond the values of its configuration.

    - `code`: a checksum of the user's code behind each choice, by group
    - `files`: checksums of the files and folders that these choices have as values, by key
    - `sources`: the checksum, as by `byzdl.files.checksum`, of each such file or folder, by its absolute path
    """

    code: dict[str, str]
    files: dict[str, dict[str, str]]
    sources: dict[str, str]


def content(config: Mapping[str, Any]) -> Content:
    """Reads the user's files behind a configuration.

    - A class from outside of byzdl counts with its file, and with every file of the user's that this one imports; so does
      a function that a choice of byzdl calls (`model=module`).
    - The values of its choice count by content, where they are files or folders.
    - A choice of byzdl with a `checksum` counts with its `path` or `root`; images with `train` and `test` in their root.

    >>> content({"defense": {"_target_": "byzdl.defenses.ubar.Ubar", "name": "ubar"}})
    Content(code={}, files={}, sources={})
    """
    found = Content({}, {}, {})
    for group in GROUPS:
        if isinstance(chosen := config.get(group), Mapping):
            _add_code(found, group, chosen)
            _add_files(found, group, chosen)
    return found


def sources(config: Mapping[str, Any]) -> dict[str, str]:
    """Lists the user's files and folders whose content is part of a run's identity, by absolute path.

    Each has its checksum as by `byzdl.files.checksum`.

    >>> sources({"topology": {"path": "/graphs/ring.edges", "checksum": "5cc3a6551605"}})
    {'/graphs/ring.edges': '5cc3a6551605'}
    """
    return content(config).sources


def _is_foreign(chosen: Mapping[str, Any]) -> bool:
    """Tells whether the values of a choice may name code and files: its class is the user's, or calls what is."""
    target = str(chosen.get("_target_") or "")
    return is_foreign(target) or target in CALLERS


def _add_code(found: Content, group: str, chosen: Mapping[str, Any]) -> None:
    target = str(chosen.get("_target_") or "")
    if modules := code(classes(chosen, _is_foreign(chosen)), package=target.partition(".")[0]):
        digests = {module: digest for module, (_, digest) in modules.items()}
        # A single file is known by its own checksum.
        text = json.dumps(digests, sort_keys=True).encode()
        found.code[group] = next(iter(digests.values())) if len(digests) == 1 else hashlib.sha256(text).hexdigest()
        found.sources.update({os.path.abspath(file): digest[:12] for file, digest in modules.values()})
    script = getattr(sys.modules["__main__"], "__file__", None)
    if target.startswith("__main__.") and script and not is_installed(Path(script)):
        with suppress(OSError):
            found.sources[os.path.abspath(script)] = checksum(Path(script))


def _add_files(found: Content, group: str, chosen: Mapping[str, Any]) -> None:
    if _is_foreign(chosen):
        cache = Path(str(chosen.get("cache") or "data/cache")).expanduser()
        for key, path in paths(chosen, group):
            if key != "dataset.cache":
                with suppress(OSError):  # Reported when it is read.
                    parts = checksums(path, cache)
                    found.files[key] = {os.path.relpath(part, path): known for part, known in parts.items()}
                    found.sources.update({str(part): known for part, known in parts.items()})
    for key, seal in (("path", "checksum"), ("root", "checksum"), ("test_path", "test_checksum")):
        place, known = chosen.get(key), chosen.get(seal)
        if place and known:
            whole = os.path.abspath(Path(str(place)).expanduser())
            # Images have two checksums, of train and of test.
            both = zip(("train", "test"), known, strict=False) if isinstance(known, list | tuple) else [("", known)]
            found.sources.update({os.path.join(whole, part).rstrip(os.sep): one for part, one in both if one})
