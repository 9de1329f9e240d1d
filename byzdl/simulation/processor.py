"""Settings of torch and of the C library for this process: threads, exact numbers, memory."""

import ctypes
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def prepare(threads: int) -> None:
    """Prepares this process for a run.

    Sets the number of threads, flushes denormal numbers, and keeps freed memory for the next batch. On a GPU,
    convolutions compute in full float32, and give the same bits twice.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # attacked models may be full of them, and each costs a hundred operations
    torch.backends.cudnn.allow_tf32 = False  # by default convolutions keep 10 of 23 bits, which changes decisions
    torch.backends.cudnn.deterministic = True
    _keep_freed_memory()


@contextmanager
def prepared(threads: int) -> Iterator[None]:
    """Prepares this process for a run, and restores torch's settings afterwards, for the other work of a notebook."""
    before = torch.get_num_threads(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    prepare(threads)
    try:
        with without_hints():
            yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_flush_denormal(False)  # torch's default, as torch does not tell the previous setting
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = before[1:]


@contextmanager
def without_hints() -> Iterator[None]:
    """Ignores torch's hint that some layer, such as attention, is slow for many models at once."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
        yield


def has_bf16() -> bool:
    """Returns whether this processor has units for bfloat16. Without them, it is emulated and slow."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _keep_freed_memory() -> None:
    """Makes glibc reuse the memory of a batch's activations for the next batch.

    By default, glibc returns large blocks to the system and maps them anew, and the system clears each page before it
    hands it out again. Blocks of more than 32 MiB, such as the models of large networks, are still mapped one by one if
    there is no room for them: among small blocks they would leave useless holes.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # malloc.h
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, 256 * 2**20)
        libc.mallopt(mmap_threshold, 32 * 2**20)
