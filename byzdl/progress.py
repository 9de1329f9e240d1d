"""Progress bars, shown in a terminal and in a notebook."""

import sys
import threading
from typing import Any

from tqdm import tqdm

# In a notebook tqdm cannot measure the width of the output, and would draw ten characters.
NOTEBOOK_WIDTH = 100


def bar(total: int, unit: str, shown: bool = True) -> "tqdm[Any]":
    """Opens a progress bar that counts up to `total`, and vanishes when it is closed.

    It is a line of text on stderr. It is shown only if stderr is a terminal or a notebook's output.

    >>> with bar(3, "round", shown=False) as progress:
    ...     _ = progress.update(1)
    """
    # Only one process draws. tqdm's own lock, made for many processes, would leak if a run is killed.
    tqdm.set_lock(threading.RLock())
    notebook = _is_notebook(sys.stderr)
    # With None, tqdm shows the bar in a terminal alone.
    disable = not shown or (False if notebook else None)
    return tqdm(total=total, unit=unit, disable=disable, leave=False, ncols=NOTEBOOK_WIDTH if notebook else None)


def _is_notebook(stream: object) -> bool:
    """Tells whether a stream is the output of a notebook, which is no terminal."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"
