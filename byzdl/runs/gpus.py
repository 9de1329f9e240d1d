"""The GPU of a run: runs side by side take turns over all GPUs."""

import os

PLACE = "BYZDL_PLACE"  # a run's place among those that byzdl computes at the same time


def take_gpu(device: str) -> None:
    """Lets `device=cuda` stand for one of several GPUs, another one for each run beside it. Leaves `cuda:N` alone.

    >>> take_gpu("cpu")
    """
    place = os.environ.get(PLACE)
    if device != "cuda" or place is None:
        return
    import torch  # Not above: the launcher of a sweep imports this file, and must answer at once.

    if (count := torch.cuda.device_count()) > 1:
        torch.cuda.set_device(int(place) % count)
