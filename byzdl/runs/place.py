"""The folder that a key chose: if nothing can be written there, the error names the key."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from byzdl.config.types import ConfigError

DEFAULTS = {
    "hydra.run.dir": "outputs/${run_name:}",
    "hydra.sweep.dir": "outputs",
    "hydra.sweep.subdir": "${run_name:}",
}


@contextmanager
def placed(key: str, folder: Path) -> Iterator[None]:
    """Names the key of a folder, if that folder is the reason for an error of the system.

    **Raises:** `ConfigError` if nothing can be written to the folder; any other error as it is.

    >>> with placed("hydra.run.dir", Path("/dev/null/x")):
    ...     Path("/dev/null/x").mkdir(parents=True)
    Traceback (most recent call last):
    byzdl.config.types.ConfigError: hydra.run.dir is '/dev/null/x', but must be a folder to write to, such as
    outputs/${run_name:} (/dev/null is no folder)
    """
    try:
        yield
    except OSError as error:
        check_place(key, folder, error)
        raise


def check_place(key: str, folder: Path, cause: OSError | None = None) -> None:
    """**Raises:** `ConfigError` if nothing can be written to the folder, whether it exists or not."""
    why = _unusable(folder)
    if why is not None:
        example = f", such as {DEFAULTS[key]}" if key in DEFAULTS else ""
        raise ConfigError.of(key, str(folder), f"a folder to write to{example} ({why})") from cause


def _unusable(folder: Path) -> str | None:
    """Why nothing can be written to the folder; None if something can."""
    try:
        os.stat(folder)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # too long, a circle of links, a zero byte
        return getattr(error, "strerror", None) or str(error)
    nearest = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not nearest.is_dir():
        return f"{nearest} is no folder"
    # The system looks at names one after another, and so at none behind a folder that is still to be made.
    if any(len(os.fsencode(part)) > os.pathconf(nearest, "PC_NAME_MAX") for part in folder.parts):
        return os.strerror(errno.ENAMETOOLONG)
    return None if os.access(nearest, os.W_OK | os.X_OK) else f"{nearest} cannot be written"
