"""The door between a person and the commands: wrong input is answered in one line."""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from byzdl.pipe import reader

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@contextmanager
def door() -> Iterator[None]:
    """Answers wrong input and full disks with one line and exit code 1, Ctrl-C with exit code 130.

    Ends quietly, with exit code 141, if nobody reads the rest of the output (`byzdl list | head -1`). Any other exception
    keeps its traceback.
    """
    # Hydra would otherwise print errors and exit by itself.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # A full disk also cuts the log short. The command itself reports the reason.
    logging.raiseExceptions = False
    try:
        here = os.getcwd()
    except FileNotFoundError:
        sys.exit("byzdl: the current folder has been removed; change to another one")
    # It may hold classes of the user's own.
    sys.path.append(here)
    try:
        with reader():
            yield
    except KeyboardInterrupt:
        print("byzdl: interrupted; the same command computes the missing runs", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        # Imported for an error alone: figures and tables need no Hydra.
        from byzdl.config.explain import WRONG_INPUT, explain

        if isinstance(error, WRONG_INPUT):
            sys.exit(f"byzdl: {explain(error)}")
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            sys.exit(f"byzdl: {error}; everything written so far is kept, and the same command continues")
        raise
