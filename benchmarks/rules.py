"""Aggregation rules alone, on random models, beside the same rules of ByzFL."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Worker, interleaved
from benchmarks.work import Step

SIZES = ((10, 10**6), (50, 10**6))
RULES = {
    "mean": "mean over the own and n - 1 received models at equal weights, beside Average",
    # ByzFL's Krum sums the n - f - 1 nearest, Blanchard et al.'s (and ours) n - f - 2: ours with f - 1 is theirs.
    "krum": "d_krum with f - 1 and alpha = 0, beside Krum with f = n/5",
}


def measure(repeats: int, threads: int, byzfl: str) -> list[dict[str, Any]]:
    """Rows of the table; `byzfl` is the Python of an environment that has it."""
    rows: list[dict[str, Any]] = []
    for n, d in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            common: dict[str, Any] = {"n": n, "d": d, "threads": threads, "folder": folder}
            with (
                Worker("benchmarks.rules:ours", **common) as mine,
                Worker("benchmarks.rules:theirs", python=byzfl, **common) as other,
            ):
                steps = {(rule, who.make): (who, rule) for rule in RULES for who in (other, mine)}
                timings = interleaved(steps, repeats)
            for rule, note in RULES.items():
                loop, ours_ = (timings[rule, who.make] for who in (other, mine))
                results = [np.load(Path(folder) / f"{who}-{rule}.npy") for who in ("theirs", "ours")]
                apart = np.abs(results[1] - results[0]).max() / np.abs(results[0]).max()
                if apart > 1e-5:
                    raise SystemExit(f"bench: {rule} differs from ByzFL's by {apart:.1e}")
                part, fast = f"rules, {n} x {d:.0e}", min(ours_.cpu) / min(loop.cpu)
                rows.append({"part": part, "what": f"{rule}: ByzFL", **loop.row()})
                agree = f"{note}; results {apart:.0e} apart"
                rows.append({"part": part, "what": f"{rule}: byzdl", **ours_.row(), "ratio": fast, "note": agree})
    return rows


def vectors(n: int, d: int) -> np.ndarray:
    """The same for both: a common model and some spread."""
    random = np.random.default_rng(0)
    return (random.standard_normal(d) + 0.1 * random.standard_normal((n, d))).astype(np.float32)


def ours(n: int, d: int, threads: int, folder: str) -> dict[str, Step]:
    """One node's inbox, from the models on the wire to its next model."""
    from types import SimpleNamespace

    import torch

    from byzdl.defenses.d_krum import DKrum
    from byzdl.defenses.mean import Mean
    from byzdl.exchange import Inbox
    from byzdl.simulation.processor import prepare

    prepare(threads)
    pool = torch.from_numpy(vectors(n, d))

    def inbox(models: torch.Tensor) -> Inbox:
        received = torch.arange(1, len(models))[None]
        there = torch.ones_like(received, dtype=torch.bool)
        roster: Any = SimpleNamespace(present=there, byzantine=~there, metropolis=there / len(models))
        return Inbox.of(models, received, roster, lambda *_: torch.empty(0), nodes=(0,))

    krum, mean = DKrum(name="d_krum", alpha=0, f=n // 5 - 1), Mean(name="mean")
    with_own = torch.cat([pool[:1], pool])  # the own model is no candidate
    return {
        "mean": _kept(lambda: mean.aggregate((), inbox(pool))[1].models[0], f"{folder}/ours-mean.npy"),
        "krum": _kept(lambda: krum.aggregate((), inbox(with_own))[1].models[0], f"{folder}/ours-krum.npy"),
    }


def theirs(n: int, d: int, threads: int, folder: str) -> dict[str, Step]:
    """ByzFL's rules, as its users call them."""
    import byzfl
    import torch

    torch.set_num_threads(threads)
    pool = torch.from_numpy(vectors(n, d))
    mean, krum = byzfl.Average(), byzfl.Krum(f=n // 5)
    return {
        "mean": _kept(lambda: mean(pool), f"{folder}/theirs-mean.npy"),
        "krum": _kept(lambda: krum(pool), f"{folder}/theirs-krum.npy"),
    }


def _kept(rule: Any, file: str) -> Step:
    """The rule as a step, whose result is left in a file once."""
    np.save(file, rule().numpy())

    def step() -> None:
        rule()

    return step
