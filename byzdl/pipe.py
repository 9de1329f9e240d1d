"""The reader of a command's output: once it is gone, as behind `| head`, the command ends quietly."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

UNREAD = 141  # the exit code of a command that the signal SIGPIPE ended


@contextmanager
def reader() -> Iterator[None]:
    """Exits quietly, with exit code 141, if nobody reads the rest of the output. Any other broken pipe is an error.

    >>> with reader():
    ...     print("a line")
    a line
    """
    read = True
    try:
        try:
            yield
        finally:
            read = _arrives("")
    except BrokenPipeError:
        # Without a buffer, nothing was left to flush, and only another write can fail.
        if read and _arrives("\n"):
            raise
        read = False
    except SystemExit as end:
        # A command that ends by itself, such as with --help, may have been unread as well. A failure stays one.
        if end.code or read:
            raise
    if not read:
        sys.exit(UNREAD)


def _arrives(text: str) -> bool:
    """Prints a text, and all text before it. Returns False if the reader is gone; later text is then dropped."""
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True
