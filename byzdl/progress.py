"""Progress bars: shown where the output is a terminal, and nowhere else."""

import threading
from typing import Any

from tqdm import tqdm


def bar(total: int, unit: str, shown: bool = True) -> "tqdm[Any]":
    """A bar that counts up to `total` and vanishes when it is closed."""
    # Only one process draws. tqdm's own lock, made for many, would leak where a run is killed.
    tqdm.set_lock(threading.RLock())
    return tqdm(total=total, unit=unit, disable=None if shown else True, leave=False)
