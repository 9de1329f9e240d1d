"""The cost of a node-round in networks of more nodes (at constant degree), and of larger degree."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.rounds import simulated
from benchmarks.setting import experiment
from benchmarks.timing import Worker, interleaved
from benchmarks.work import Step
from byzdl.simulation.processor import prepare

NODES = (10, 30, 100, 300, 1000)
DEGREES = (2, 4, 8, 16, 32)
# The default network; convolutions; and large models with little computation, the worst case for caches and memory.
MODELS = {
    "mlp 64-64-10, batch 32": ("model=mlp",),
    "cnn 8/16-64-10, batch 32": ("model=cnn", "model.channels=[8,16]", "model.hidden=64", "dataset.size=16"),
    "mlp 1024-256-10, batch 16": ("model=mlp", "model.hidden=256", "dataset.size=32", "batch_size=16"),
}


def measure(repeats: int, threads: int, device: str) -> Iterator[dict[str, Any]]:
    """Yields the rows of the table."""
    for name, overrides in MODELS.items():
        yield from _sweep(f"nodes, degree 4, {name}", "n", [(n, 4) for n in NODES], repeats, threads, device, overrides)
    for name, overrides in MODELS.items():
        cases = [(100, degree) for degree in DEGREES]
        yield from _sweep(f"degree, n=100, {name}", "degree", cases, repeats, threads, device, overrides)


def _sweep(
    part: str,
    varied: str,
    cases: list[tuple[int, int]],
    repeats: int,
    threads: int,
    device: str,
    overrides: tuple[str, ...],
) -> Iterator[dict[str, Any]]:
    with ExitStack() as stack:
        workers = {}
        for n, degree in cases:
            case: dict[str, Any] = {
                "n": n,
                "degree": degree,
                "threads": threads,
                "device": device,
                "overrides": overrides,
            }
            workers[n, degree] = stack.enter_context(Worker("benchmarks.scaling:steps", **case))
        timings = interleaved({case: (worker, "round") for case, worker in workers.items()}, repeats)
        memory = {case: worker.step("memory")["said"] for case, worker in workers.items()}
    first: float | None = None
    for (n, degree), timing in timings.items():
        share = timing.share(n)
        took = min(share.cpu) if device == "cpu" else min(share.wall)
        first = first or took
        used, each = memory[n, degree]["bytes"], memory[n, degree]["matrix"]
        note = f"a node-round; peak memory {used / 2**20:.0f} MiB beyond the data set, {used / each:.1f} n d floats"
        what = f"{varied}={n if varied == 'n' else degree}"
        yield {"part": part, "what": what, **share.row(), "ratio": took / first, "note": note}


def steps(n: int, degree: int, threads: int, device: str, overrides: list[str]) -> dict[str, Step]:
    """Rounds of loss_threshold, and the largest memory use so far."""
    graph = ["topology=k_regular", f"topology.n={n}", f"topology.degree={degree}", "attack=max", "attack.br=0.1"]
    count = 10 * 32 * n  # at least ten rounds an epoch, so that no epoch ends while rounds are timed
    data = ["dataset=synthetic", f"dataset.train_count={count}", "topology.require=none", f"device={device}"]
    e = experiment(*graph, *data, *overrides)
    e.data.train.inputs.sum()  # Mapped pages count as memory once they are read.
    prepare(threads)  # only now, so that memory of the preparations is free again
    before, step = _memory("VmRSS"), simulated(e, device)
    Path("/proc/self/clear_refs").write_text("5")  # The largest memory use counts from here.
    return {"round": step, "memory": lambda: {"bytes": _memory("VmHWM") - before, "matrix": 4 * n * e.model.d}}


def _memory(kind: str) -> int:
    """Reads the memory of this process in bytes: now (VmRSS), or the largest so far (VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{kind}:"))
