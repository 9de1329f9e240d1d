"""How this process uses the processor: what torch leaves to whoever starts it."""

import ctypes
import sys

import torch


def prepare(threads: int) -> None:
    """Set the threads, flush denormal numbers, and keep freed memory for the next batch."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # attacked models can fill up with them, and each costs a hundred operations
    _keep_freed_memory()


def _keep_freed_memory() -> None:
    """Have glibc reuse a batch's activations for the next one.

    By default it returns large blocks to the system and maps them anew, and the system
    clears each page before it hands it out again.
    """
    trim_threshold, mmap_max = -1, -4  # malloc.h
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
