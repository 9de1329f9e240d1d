"""Aggregation rules on random models, beside the same rules of ByzFL."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.timing import Worker, interleaved
from benchmarks.work import Step

SIZES = ((10, 10**6), (50, 10**6))
RULES = {
    "mean": "mean over the own and n - 1 received models at equal weights, beside Average",
    # ByzFL's Krum sums the n - f - 1 nearest; Blanchard et al.'s, and ours, n - f - 2. So ours with f - 1 equals theirs.
    "krum": "d_krum with f - 1 and alpha = 0, beside Krum with f = n/5",
}


def measure(repeats: int, threads: int, byzfl: str) -> list[dict[str, Any]]:
    """Returns the rows of the table.

    - `byzfl`: the Python of an environment with byzfl
    """
    rows: list[dict[str, Any]] = []
    for n, d in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            common: dict[str, Any] = {"n": n, "d": d, "threads": threads, "folder": folder}
            with (
                Worker("benchmarks.rules:ours", **common) as mine,
                Worker("benchmarks.rules:theirs", python=byzfl, **common) as other,
            ):
                steps = {(rule, worker.make): (worker, rule) for rule in RULES for worker in (other, mine)}
                timings = interleaved(steps, repeats)
            for rule, note in RULES.items():
                loop, ours_ = (timings[rule, worker.make] for worker in (other, mine))
                results = [np.load(Path(folder) / f"{side}-{rule}.npy") for side in ("theirs", "ours")]
                apart = np.abs(results[1] - results[0]).max() / np.abs(results[0]).max()
                if apart > 1e-5:
                    raise SystemExit(f"bench: {rule} differs from ByzFL's by {apart:.1e}")
                part, fast = f"rules, {n} x {d:.0e}", min(ours_.cpu) / min(loop.cpu)
                rows.append({"part": part, "what": f"{rule}: ByzFL", **loop.row()})
                agree = f"{note}; results {apart:.0e} apart"
                rows.append({"part": part, "what": f"{rule}: byzdl", **ours_.row(), "ratio": fast, "note": agree})
    return rows


def vectors(n: int, d: int) -> np.ndarray:
    """Models [n, d] for both sides: a common model and some spread."""
    random = np.random.default_rng(0)
    return (random.standard_normal(d) + 0.1 * random.standard_normal((n, d))).astype(np.float32)


def ours(n: int, d: int, threads: int, folder: str) -> dict[str, Step]:
    """Byzdl's rules at one node, from its inbox to its next model."""
    import torch

    from byzdl.defenses.d_krum import DKrum
    from byzdl.defenses.mean import Mean
    from byzdl.exchange import by_hand
    from byzdl.simulation.processor import prepare

    prepare(threads)
    pool = torch.from_numpy(vectors(n, d))

    krum, mean = DKrum(name="d_krum", alpha=0, f=n // 5 - 1), Mean(name="mean")
    for_mean = by_hand(pool[:1], [pool[1:]])
    for_krum = by_hand(pool[:1], [pool])  # Of its own model and received ones, d_krum chooses only among the latter.
    # A copy of an inbox shares its models, and has yet to compute distances.
    return {
        "mean": _kept(lambda: mean.aggregate((), replace(for_mean))[1].models[0], f"{folder}/ours-mean.npy"),
        "krum": _kept(lambda: krum.aggregate((), replace(for_krum))[1].models[0], f"{folder}/ours-krum.npy"),
    }


def theirs(n: int, d: int, threads: int, folder: str) -> dict[str, Step]:
    """ByzFL's rules, called as its users call them."""
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
    """Writes the rule's result to a file, and returns the rule as a step."""
    np.save(file, rule().numpy())

    def step() -> None:
        rule()

    return step
