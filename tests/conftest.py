"""What all tests share: one deterministic hypothesis profile, one thread, one small generated data set."""

import multiprocessing
import sys
from multiprocessing.context import BaseContext
from typing import Any

import pytest
from hypothesis import settings

# Nothing here imports torch for all: pytest-xdist's own process reads this file before it starts any other.

# Derandomised: a test that passes here passes everywhere. No database: nothing is written beside the code.
settings.register_profile("byzdl", derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile("byzdl")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Models here are so small that threads would only wait for one another, and sums keep one order."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def processes() -> BaseContext:
    """Processes that can be killed, forked from one that has imported byzdl, as sweeps fork theirs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["byzdl.runs.execute"])
    return context


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """240 training and 60 test images, 4x4 grey, in 3 classes; cached in a folder of this session alone."""
    from byzdl.data import Synthetic, load

    cache = str(tmp_path_factory.mktemp("cache"))
    return load(Synthetic(name="synthetic", cache=cache, classes=3, size=4, train_count=240, test_count=60, noise=48.0))


@pytest.fixture(autouse=True)
def denormals() -> None:
    """Every test begins with denormal numbers as they are, also after one that computed a run, which flushes them."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
