"""What a node-round costs as the network grows: in nodes at constant degree, and in degree."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from benchmarks.rounds import simulated
from benchmarks.setting import experiment
from benchmarks.timing import Timing, Worker, interleaved
from benchmarks.work import Step
from byzdl.processor import prepare

NODES = (10, 30, 100, 300, 1000)
DEGREES = (2, 4, 8, 16, 32)
# A network of the default size on images of the default size, and one whose models are large for their work.
MODELS = {
    "mlp 64-64-10, batch 32": ("dataset.size=8", "dataset.channels=1", "model=mlp", "batch_size=32"),
    "mlp 3072-64-10, batch 16": ("dataset.size=32", "dataset.channels=3", "model=mlp", "batch_size=16"),
}


def measure(repeats: int, threads: int, device: str) -> Iterator[dict[str, Any]]:
    """Rows of the table."""
    for name, overrides in MODELS.items():
        yield from _sweep(f"nodes, degree 4, {name}", "n", [(n, 4) for n in NODES], repeats, threads, device, overrides)
    for name, overrides in MODELS.items():
        cases = [(100, degree) for degree in DEGREES]
        yield from _sweep(f"degree, n=100, {name}", "degree", cases, repeats, threads, device, overrides)


def _sweep(
    part: str, varied: str, cases: list[tuple[int, int]], repeats: int, threads: int, device: str, overrides: Any
) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        workers = {}
        for n, degree in cases:
            case = {"n": n, "degree": degree, "threads": threads, "device": device, "overrides": overrides}
            workers[n, degree] = stack.enter_context(Worker("benchmarks.scaling:steps", **case))
        timings = interleaved({case: (worker, "round") for case, worker in workers.items()}, repeats)
        memory = {case: worker.step("memory")["said"] for case, worker in workers.items()}
    first: float | None = None
    for (n, degree), timing in timings.items():
        share = Timing([t / n for t in timing.cpu], [t / n for t in timing.wall])
        took = min(share.cpu) if device == "cpu" else min(share.wall)
        first = first or took
        used, each = memory[n, degree]["bytes"], memory[n, degree]["matrix"]
        note = f"a node-round; peak memory {used / 2**20:.0f} MiB beyond the data set, {used / each:.1f} n d floats"
        what = f"{varied}={n if varied == 'n' else degree}"
        yield {"part": part, "what": what, **share.row(), "ratio": took / first, "note": note}


def steps(n: int, degree: int, threads: int, device: str, overrides: list[str]) -> dict[str, Step]:
    """Rounds of loss_threshold, and the peak of memory so far."""
    prepare(threads)
    graph = ["topology=k_regular", f"topology.n={n}", f"topology.degree={degree}", "attack=max", "attack.br=0.1"]
    count = 640 * n  # at least 20 rounds an epoch
    data = ["dataset=synthetic", f"dataset.train_count={count}", "topology.require=none", f"device={device}"]
    e = experiment(*graph, *data, *overrides, "optimizer.lr=0.01")
    _ = e.roster, e.benign
    e.data.train.images.sum()  # mapped pages count as memory once they are read
    before = _peak()
    step = simulated(e, device)
    return {"round": step, "memory": lambda: {"bytes": _peak() - before, "matrix": 4 * n * e.model.d}}


def _peak() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
