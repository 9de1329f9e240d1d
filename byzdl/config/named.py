"""What the values of a choice name: classes, functions, files and folders of the user's."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from byzdl.files import checksum, is_hidden

# Keys of files and folders, whatever their values look like: root, path, weights_file, folders.
OF_PATHS = re.compile(r"(.*_)?(path|root|file|folder|dir|directory)s?")
DOTTED = re.compile(r"[^\W\d]\w*([.:][^\W\d]\w*)+")


def is_foreign(target: str) -> bool:
    """Tells whether a choice's class is from outside of byzdl.

    >>> is_foreign("byzdl.defenses.ubar.Ubar"), is_foreign("mine.Rule"), is_foreign("")
    (False, True, False)
    """
    return target.partition(".")[0] not in ("byzdl", "")


def classes(value: Any, foreign: bool, key: str = "") -> Iterator[str]:
    """Lists the classes, functions and modules among the values of a choice.

    They stand as `_target_` at any depth. In a choice from outside of byzdl, any text of the form `mine.networks.small`
    or `mine.networks:small` may be one, unless its key is that of a path.

    >>> list(classes({"_target_": "mine.Rule", "loss": "mine.losses:huber", "tau": 1.0}, foreign=True))
    ['mine.Rule', 'mine.losses.huber']
    """
    if isinstance(value, Mapping):
        for inner, one in value.items():
            yield from classes(one, foreign, str(inner))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from classes(one, foreign, key)
    elif isinstance(value, str) and (
        key == "_uses_"
        or (DOTTED.fullmatch(value) and (key == "_target_" or (foreign and not OF_PATHS.fullmatch(key))))
    ):
        yield value.replace(":", ".")


def paths(value: Any, key: str) -> Iterator[tuple[str, Path]]:
    """Lists the existing files and folders among the values of a choice, with their keys.

    A text is one if it exists, and if it looks like one: by a slash, a leading `~` or a suffix, or by its key, such as
    `root`, `path`, `weights_file` or `folders`. A relative path starts at the current folder.

    - `key`: the key of the value, such as `dataset`

    >>> list(paths({"name": "usr", "root": "/tmp", "also": ["/usr", "/nowhere"]}, "dataset"))
    [('dataset.root', PosixPath('/tmp')), ('dataset.also.0', PosixPath('/usr'))]
    """
    return _paths(value, key, key)


def _paths(value: Any, key: str, word: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Mapping):
        for inner, one in value.items():
            if not str(inner).startswith("_"):
                yield from _paths(one, f"{key}.{inner}", str(inner))
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _paths(one, f"{key}.{index}", word)
    elif isinstance(value, str | Path) and word != "name" and _looks_like_one(word, str(value)):
        with suppress(OSError, ValueError, RuntimeError):  # RuntimeError: nobody has the home folder `~name`.
            if (path := Path(value).expanduser()).exists():
                yield key, path


def _looks_like_one(word: str, text: str) -> bool:
    if not text or not text.strip("/" + os.sep):
        return False  # A separator is no data set.
    marked = "/" in text or os.sep in text or text.startswith("~") or Path(text).suffix
    return bool(OF_PATHS.fullmatch(word) or (marked and text.strip("~./")))


def checksums(path: Path, cache: Path) -> dict[Path, str]:
    """Computes the checksum of a file or a folder; or those of its parts, where byzdl itself writes into the folder.

    What byzdl writes is left out: the cache of decoded data, and folders of runs.

    - `cache`: the folder of decoded data

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.txt").write_text("a")
    ...     Path(folder, "cache").mkdir()
    ...     {part.name: known for part, known in checksums(Path(folder), Path(folder, "cache")).items()}
    {'a.txt': 'ca978112ca1b'}
    """
    own, other, here = (Path(os.path.abspath(one)) for one in (path, cache, "."))
    if own == other:
        return {}
    if not (other.is_relative_to(own) or here.is_relative_to(own)):
        return {own: checksum(own)}
    inner = sorted(one for one in own.iterdir() if not is_hidden(one.name) and not _holds_runs(one))
    return {part: known for one in inner for part, known in checksums(one, cache).items()}


def _holds_runs(folder: Path) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in ("run.json", "*/run.json", "sweep-*.json"))
