"""How this process uses the processor and the GPU: what torch leaves to whoever starts it."""

import ctypes
import sys

import torch


def prepare(threads: int) -> None:
    """Set the threads, flush denormal numbers, keep freed memory for the next batch; on a GPU: float32 proper, the same bits twice."""
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # attacked models can fill up with them, and each costs a hundred operations
    torch.backends.cudnn.allow_tf32 = False  # by default convolutions keep 10 of 23 bits, and defenses decide otherwise
    torch.backends.cudnn.deterministic = True
    _keep_freed_memory()


def has_bf16() -> bool:
    """Whether this processor has units for bfloat16; without them it is emulated, and slow."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _keep_freed_memory() -> None:
    """Have glibc reuse a batch's activations for the next one.

    By default it returns large blocks to the system and maps them anew, and the system
    clears each page before it hands it out again. Blocks of more than 32 MiB, as the
    models of large networks, are still mapped one by one where there is no room for them:
    among small ones they would leave holes that fit nothing.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # malloc.h
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, 256 * 2**20)
        libc.mallopt(mmap_threshold, 32 * 2**20)
