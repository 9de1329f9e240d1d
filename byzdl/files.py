"""Whole files: written to a temporary file, flushed to the disk, renamed. And checksums of their contents."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path


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


def checksum(file: Path) -> str:
    """Identifies a file's contents: the first 12 hexadecimal digits of their SHA-256.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "ring.edges").write_text("0 1")
    ...     checksum(Path(folder) / "ring.edges")
    '5cc3a6551605'
    """
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _sync_folder(folder: Path) -> None:
    """Flushes a rename in the folder to the disk, if the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
