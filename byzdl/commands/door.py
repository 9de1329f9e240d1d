"""The door between a person and the commands: wrong input is answered in one line."""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from byzdl.config.explain import WRONG_INPUT, explain

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


@contextmanager
def door() -> Iterator[None]:
    """Answers wrong input and full disks with one line and exit code 1, Ctrl-C with 130.

    Any other exception keeps its traceback.
    """
    # Hydra would otherwise print errors and exit by itself.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    # A full disk cuts the log short. That is no further error: the run itself says why it ended.
    logging.raiseExceptions = False
    # The current folder may hold classes of the user's own.
    sys.path.append(os.getcwd())
    try:
        yield
    except WRONG_INPUT as error:
        sys.exit(f"byzdl: {explain(error)}")
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        sys.exit(f"byzdl: {error}; everything written so far is kept, and the same command continues")
    except KeyboardInterrupt:
        print("byzdl: interrupted; the same command computes the missing runs", file=sys.stderr)
        sys.exit(130)
