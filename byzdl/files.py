"""Files that are whole or not there: written aside, flushed to the disk, renamed. And what is in them, as a checksum."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def replace_file(file: Path, *parts: bytes | memoryview) -> None:
    """Write a file whole or not at all, also when the power fails."""
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
    """Tells a file's content from any other."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _sync_folder(folder: Path) -> None:
    """Have the rename itself on the disk, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
