"""Progress bars, shown only if the output is a terminal."""

import threading
from typing import Any

from tqdm import tqdm


def bar(total: int, unit: str, shown: bool = True) -> "tqdm[Any]":
    """Opens a progress bar that counts up to `total`, and vanishes when it is closed.

    >>> with bar(3, "round", shown=False) as progress:
    ...     _ = progress.update(1)
    """
    # Only one process draws. tqdm's own lock, made for many processes, would leak if a run is killed.
    tqdm.set_lock(threading.RLock())
    return tqdm(total=total, unit=unit, disable=None if shown else True, leave=False)
