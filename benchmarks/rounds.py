"""A round of the paper's setting: the plain loop, byzdl on the same work, and the hardware's limit."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.comparison import compared
from benchmarks.plain import PlainLoop, cnn
from benchmarks.setting import PAPER, experiment
from benchmarks.timing import Timing, Worker, interleaved
from benchmarks.trees import Tree
from benchmarks.work import Step
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.processor import has_bf16, prepare
from byzdl.simulation.rounds import one_round

Batches = dict[int, tuple[torch.Tensor, torch.Tensor]]

DEFENSES = ("local", "d_krum", "ubar", "loss_threshold")


def measure(repeats: int, threads: int, device: str, n: int, trees: Sequence[Tree]) -> list[dict[str, Any]]:
    """Returns the rows of the table. With a second tree, they compare byzdl in both; else byzdl and the plain loop."""
    common: dict[str, Any] = {"threads": threads, "device": device, "n": n}
    return _across(repeats, trees, common) if len(trees) > 1 else _beside_plain(repeats, common)


def _across(repeats: int, trees: Sequence[Tree], common: Mapping[str, Any]) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        workers = {
            tree: stack.enter_context(Worker("benchmarks.rounds:steps", tree=tree, precision="float32", **common))
            for tree in trees
        }
        steps = {(defense, tree): (worker, defense) for defense in DEFENSES for tree, worker in workers.items()}
        timings = interleaved(steps, repeats)
    return [
        {**_names(defense, common), **compared({tree: timings[defense, tree] for tree in trees}, _clock(common))}
        for defense in DEFENSES
    ]


def _beside_plain(repeats: int, common: Mapping[str, Any]) -> list[dict[str, Any]]:
    device = common["device"]
    with (
        Worker("benchmarks.rounds:plain_steps", keep=False, **common) as plain,
        Worker("benchmarks.rounds:plain_steps", keep=True, **common) as kept,
        Worker("benchmarks.rounds:steps", precision="float32", **common) as ours,
        Worker("benchmarks.rounds:steps", precision="bf16", **common) as bf16,
    ):
        coarse_steps = {("bf16", "loss_threshold"): (bf16, "loss_threshold")}
        emulated = device == "cpu" and not has_bf16()  # and then too slow for every repeat
        steps = {("peak", ""): (ours, "peak"), **({} if emulated else coarse_steps)}
        for defense in DEFENSES:
            steps["plain", defense] = (plain, defense)
            if device == "cpu":  # On a GPU, torch keeps freed memory anyway.
                steps["kept", defense] = (kept, defense)
            steps["byzdl", defense] = (ours, defense)
        timings = interleaved(steps, repeats)
        if emulated:
            timings |= interleaved(coarse_steps, repeats=1, warm=0)
        flops = {defense: ours.step(f"flops {defense}")["said"]["flops"] for defense in DEFENSES}
    clock = f"{_clock(common)}_min"
    peak = timings["peak", ""].said["flops"] / timings["peak", ""].row()[clock]

    def row(what: str, timing: Timing, **more: Any) -> dict[str, Any]:
        return {**_names(what, common), **timing.row(), **more}

    rows = []
    for defense in DEFENSES:
        loop, ours_ = timings["plain", defense], timings["byzdl", defense]
        took = ours_.row()[clock]
        floor = flops[defense] / peak
        rows.append(row(f"{defense}: plain loop", loop))
        if (tuned := timings.get(("kept", defense))) is not None:
            ratio = tuned.row()[clock] / loop.row()[clock]
            rows.append(row(f"{defense}: plain loop, freed memory kept", tuned, ratio=ratio))
        ratio, note = took / loop.row()[clock], _note(ours_, took, floor, peak)
        rows.append(row(f"{defense}: byzdl", ours_, ratio=ratio, note=note))
        if (coarse := timings.get(("bf16", defense))) is not None:
            note = "emulated: this processor has no bf16 units" if emulated else ""
            ratio = coarse.row()[clock] / loop.row()[clock]
            rows.append(row(f"{defense}: byzdl, screen.precision=bf16", coarse, ratio=ratio, note=note))
    return rows


def _names(what: str, common: Mapping[str, Any]) -> dict[str, str]:
    return {"part": f"round, n={common['n']}, {common['device']}", "what": what}


def _clock(common: Mapping[str, Any]) -> str:
    return "cpu" if common["device"] == "cpu" else "wall"  # A GPU's work takes no CPU time.


def _note(timing: Timing, took: float, floor: float, peak: float) -> str:
    outside = 1 - timing.said["inside"] / timing.said["all"]
    return f"{took / floor:.2f} x the floor of {floor:.3g} s at {peak / 1e9:.0f} GFLOP/s; {outside:.1%} outside of the network"


def plain_steps(threads: int, device: str, n: int, keep: bool) -> dict[str, Step]:
    """Rounds of the plain loop under each defense, with mini-batches made in advance."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # byzdl computes in float32, too.
    if keep:
        prepare(threads)
    steps: dict[str, Step] = {}
    for defense in DEFENSES:
        e = experiment(*PAPER, f"topology.n={n}", f"device={device}")
        modules = {i: cnn(3, 32, (32, 64), 128, 10).to(device) for i in e.network.benign}
        for module in modules.values():  # All nodes start from one model.
            module.load_state_dict(next(iter(modules.values())).state_dict())
        loop = PlainLoop(e.network.neighbours, e.network.byzantine, modules, defense, lr=0.01, momentum=0.9)
        ready = [{i: nchw(e, i, t) for i in e.network.benign} for t in range(2)]
        steps[defense] = _rounds(partial(_alternating, loop, ready), device)
    return steps


def _alternating(loop: PlainLoop, ready: list[Batches], t: int) -> None:
    loop.round(ready[t % 2])


def nchw(e: Experiment, node: int, round: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A node's mini-batch in the layout of most code, contiguous NCHW."""
    images, labels = e.batch([e.learners.index(node)], round)
    return images[0].contiguous(), labels[0]


def steps(threads: int, device: str, n: int, precision: str) -> dict[str, Step]:
    """Rounds of byzdl under each defense, a large matrix product, and the operations of a round."""
    prepare(threads)
    steps: dict[str, Step] = {"peak": _peak(device)}
    for defense in DEFENSES:
        e = experiment(
            *PAPER, f"topology.n={n}", f"device={device}", f"screen.precision={precision}", f"defense={defense}"
        )
        steps[defense] = simulated(e, device)
        steps[f"flops {defense}"] = partial(_flops, e)
    return steps


def simulated(e: Experiment, device: str) -> Step:
    """Rounds of byzdl. Each returns its time within passes of the network (`inside`), and in all."""
    state = e.initial()
    inside = [0.0]
    for name in ("add_gradients", "losses"):
        setattr(e.model, name, _adding(getattr(e.model, name), inside))

    def advance(t: int) -> Mapping[str, float]:
        nonlocal state
        inside[0], start = 0.0, time.process_time()
        state, _ = one_round(e, state)
        return {"inside": inside[0], "all": time.process_time() - start}

    return _rounds(advance, device)


def _adding(function: Callable[..., Any], total: list[float]) -> Callable[..., Any]:
    """The function, which also adds its seconds to a total."""

    def timed(*arguments: Any) -> Any:
        start = time.process_time()
        result = function(*arguments)
        total[0] += time.process_time() - start
        return result

    return timed


def _rounds(advance: Callable[[int], Mapping[str, Any] | None], device: str) -> Step:
    t = -1

    def step() -> Mapping[str, Any] | None:
        nonlocal t
        t += 1
        said = advance(t)
        if device != "cpu":
            torch.cuda.synchronize()
        return said

    return step


def _peak(device: str) -> Step:
    """A large float32 matrix product, as a measure of the hardware's limit."""
    size = 2048 if device == "cpu" else 8192
    a, b = torch.randn(2, size, size, device=device)

    def step() -> Mapping[str, float]:
        torch.mm(a, b)
        if device != "cpu":
            torch.cuda.synchronize()
        return {"flops": 2.0 * size**3}

    return step


def _flops(e: Experiment) -> Mapping[str, float]:
    """Counts the floating-point operations of a round's convolutions and matrix products, each distinct model once a node."""
    counter = FlopCounterMode(display=False)
    with counter:
        one_round(e, e.initial())
    return {"flops": float(counter.get_total_flops())}
