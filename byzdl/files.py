"""Whole files: written to a temporary file, flushed to the disk, renamed. And checksums of files and folders."""

import hashlib
import os
import stat
import time
import unicodedata
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

# What systems leave in folders by themselves, in lower case, beside names that begin with a dot.
LITTER = {"__macosx", "@eadir", "desktop.ini", "ehthumbs.db", "icon\r", "thumbs.db"}

# Nanoseconds, more than the coarsest clock of a file system (FAT: 2 s). A file that is younger may change again and
# keep its time.
YOUNG = 3_000_000_000

Entry = tuple[str, os.stat_result | None]

_checksums: dict[str, str] = {}  # within this process: memo files by name
_seen: dict[Hashable, Any] | None = None  # within `looking_once`


def replace_file(file: Path, *parts: bytes | memoryview) -> None:
    """Writes a file as a whole or not at all, even if the power fails.

    - `parts`: the contents, one after another

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     replace_file(Path(folder) / "rows.csv", b"round,", b"loss")
    ...     (Path(folder) / "rows.csv").read_bytes()
    b'round,loss'
    """
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(aside, "wb") as opened:
            for part in parts:
                opened.write(part)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(aside, file)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def is_hidden(name: str) -> bool:
    """Tells whether a file or folder is no one's data: its name begins with a dot, or is one that systems leave behind.

    >>> [name for name in (".DS_Store", "._cat.png", "Thumbs.db", "__MACOSX", "cat.png") if not is_hidden(name)]
    ['cat.png']
    """
    return name.startswith(".") or name.lower() in LITTER


def checksum(path: Path) -> str:
    """Identifies the content of a file or folder: the first 12 hexadecimal digits of a SHA-256.

    The content of a folder is the names and contents of all files within, at any depth, but hidden ones (`is_hidden`).
    So a copy elsewhere has the same checksum. It is remembered between processes, in the user's cache folder, and
    computed anew after any file has changed.

    **Raises:** `OSError` if anything cannot be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "ring.edges").write_text("0 1")
    ...     checksum(Path(folder) / "ring.edges"), checksum(Path(folder))
    ('5cc3a6551605', '...')
    """
    return once(path, lambda: _of_folder(path) if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()[:12])


def once(key: Hashable, look: Callable[[], T]) -> T:
    """Looks at files, but within `looking_once` only the first time.

    - `key`: what is looked for
    - `look`: looks, and returns the answer

    >>> with looking_once():
    ...     [once("size", lambda: size) for size in (1, 2)]
    [1, 1]
    """
    if _seen is None:
        return look()
    if key not in _seen:
        _seen[key] = look()
    found: T = _seen[key]
    return found


@contextmanager
def looking_once() -> Iterator[None]:
    """Within it, `checksum` and `once` look once: for many configurations that belong to one moment."""
    global _seen
    before, _seen = _seen, {}
    try:
        yield
    finally:
        _seen = before


def _of_folder(folder: Path) -> str:
    """The checksum of a folder, from its memo if no file has changed since."""
    now = time.time_ns()
    entries = sorted(_entries(folder, "", ()), key=lambda entry: _in_bytes(entry[0]))
    stamp = hashlib.sha256(repr([(name, _times(found)) for name, found in entries]).encode()).hexdigest()
    memo = _memo(folder)
    if (remembered := _recalled(memo, stamp)) is not None:
        return remembered
    digest = hashlib.sha256()
    for name, found in entries:
        digest.update(_in_bytes(name) + b"\0")
        digest.update(_content(folder / name) if found is not None else bytes(32))
    computed = digest.hexdigest()[:12]
    if all(found is None or found.st_ctime_ns < now - YOUNG for _, found in entries):
        _remember(memo, stamp, computed)
    return computed


def _entries(folder: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[Entry]:
    """Every file below a folder, by its relative name, with what the system knows of it; None for all but files."""
    here = folder.stat()
    if (here.st_dev, here.st_ino) in above:  # a link to a folder above
        return
    with os.scandir(folder) as found:
        for entry in found:
            if is_hidden(entry.name):
                continue
            name = f"{prefix}{entry.name}"
            if entry.is_dir():
                yield from _entries(Path(entry.path), f"{name}/", (*above, (here.st_dev, here.st_ino)))
            else:
                yield name, entry.stat() if entry.is_file() else None


def _times(found: os.stat_result | None) -> tuple[int, ...] | None:
    """What changes when a file is written: no program can set the last, the time of change."""
    return found and (found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns)


def _in_bytes(name: str) -> bytes:
    """A name that is the same on systems that write é as one letter or as two."""
    return unicodedata.normalize("NFC", name).encode("utf-8", "surrogateescape")


def _content(file: Path) -> bytes:
    with open(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(f"{file} is no file any more")
        return hashlib.file_digest(opened, "sha256").digest()


def _memo(folder: Path) -> str:
    """The file that remembers a folder's checksum."""
    place = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return os.path.join(os.path.expanduser(place), "byzdl", "checksums", name)


def _recalled(memo: str, stamp: str) -> str | None:
    text = _checksums.get(memo)
    with suppress(OSError, ValueError):
        text = text if text and text.startswith(stamp) else Path(memo).read_text(encoding="ascii")
    parts = (text or "").split()
    return parts[1] if len(parts) == 3 and parts[0] == stamp and parts[2] == _seal(*parts[:2]) else None


def _remember(memo: str, stamp: str, computed: str) -> None:
    text = f"{stamp} {computed} {_seal(stamp, computed)}"
    _checksums[memo] = text
    with suppress(OSError):
        Path(memo).parent.mkdir(parents=True, exist_ok=True)
        replace_file(Path(memo), text.encode())


def _seal(stamp: str, computed: str) -> str:
    return hashlib.sha256(f"{stamp} {computed}".encode()).hexdigest()[:12]


def _sync_folder(folder: Path) -> None:
    """Flushes a rename in the folder to the disk, if the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
