"""A folder for sockets, whose paths must be short: that of TMPDIR on a cluster often is not."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import current_process

from byzdl.config.types import ConfigError

MOST = 103  # bytes of a socket's path under any system
WITHIN = len("/pymp-12345678/listener-12345678")  # what multiprocessing adds to the folder


@contextmanager
def in_short_folder() -> Iterator[None]:
    """Lets multiprocessing put its next socket into another folder, if the path of the usual one is too long.

    **Raises:** `ConfigError` if no folder is short enough and can be written.

    >>> with in_short_folder():
    ...     pass
    """
    usual = _usual()
    if usual is not None and _fits(usual):
        yield
        return
    # multiprocessing keeps the first folder that it made. One that the caller's own code needed has too long a path.
    settings = current_process()._config  # type: ignore[attr-defined]
    kept = settings.pop("tempdir", None)
    tempfile.tempdir = _short()
    try:
        yield
    finally:
        tempfile.tempdir = usual
        if kept is not None:
            settings["tempdir"] = kept


def _usual() -> str | None:
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return None


def _short() -> str:
    for folder in filter(_fits, _others()):
        try:
            with tempfile.TemporaryDirectory(dir=folder):
                return folder
        except OSError:
            continue
    raise ConfigError.of("TMPDIR", os.environ.get("TMPDIR"), f"a folder to write to, of at most {MOST - WITHIN} bytes")


def _others() -> list[str]:
    own = (os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("HOME"), os.getcwd())
    return ["/tmp", "/var/tmp", "/dev/shm", *filter(None, own)]


def _fits(folder: str) -> bool:
    return os.path.isabs(folder) and len(os.fsencode(folder)) + WITHIN <= MOST
