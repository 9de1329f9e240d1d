"""A round of small networks on digits: a few milliseconds, and most of them are overhead. Most sweeps are such runs."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from benchmarks.comparison import compared
from benchmarks.setting import experiment
from benchmarks.timing import Worker, interleaved
from benchmarks.trees import Tree
from benchmarks.work import Step
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.processor import prepare
from byzdl.simulation.rounds import one_round

ROUNDS = 12  # in one step: three epochs
ATTACKS = {"max": ["attack=max"], "alie": ["attack=alie"], "opt_alie": ["attack=opt_alie", "attack.trials=8"]}
PAIRS = [
    *((attack, defense) for attack in ATTACKS for defense in ("loss_threshold", "ubar", "mean", "d_krum")),
    *(("max", defense) for defense in ("trimmed_mean", "median", "geometric_median", "bulyan")),
]
CASES = {
    **{f"mlp, {attack}, {defense}": [*ATTACKS[attack], f"defense={defense}"] for attack, defense in PAIRS},
    "cnn, max, loss_threshold": ["model=cnn"],
    "resnet 8, max, loss_threshold": ["model=resnet", "model.depth=8", "model.width=8"],
}


def measure(repeats: int, threads: int, trees: Sequence[Tree]) -> list[dict[str, Any]]:
    """Returns the rows of the table. As steps are short, each is repeated three times as often."""
    with ExitStack() as stack:
        workers = {
            tree: stack.enter_context(Worker("benchmarks.small:steps", tree=tree, threads=threads)) for tree in trees
        }
        steps = {(what, tree): (worker, what) for what in CASES for tree, worker in workers.items()}
        timings = {key: timing.share(ROUNDS) for key, timing in interleaved(steps, 3 * repeats).items()}
        for (what, tree), timing in timings.items():
            timing.said = workers[tree].step(f"bits {what}")["said"]
    return [
        {"part": "small, a round", "what": what, **compared({tree: timings[what, tree] for tree in trees})}
        for what in CASES
    ]


def steps(threads: int) -> dict[str, Step]:
    """Some rounds of each case, and the bits of its state by now."""
    prepare(threads)
    steps: dict[str, Step] = {}
    for what, overrides in CASES.items():
        rounds = Rounds(experiment(*overrides, "attack.br=0.3"))
        steps[what], steps[f"bits {what}"] = rounds.advance, rounds.bits
    return steps


class Rounds:
    """The rounds of an experiment, some at a time; after the last ones come the first ones again."""

    def __init__(self, e: Experiment):
        self.experiment = e
        self.state = e.initial()

    def advance(self) -> None:
        if self.state.round >= self.experiment.rounds:
            self.state = self.experiment.initial()
        for _ in range(ROUNDS):
            self.state, _ = one_round(self.experiment, self.state)

    def bits(self) -> Mapping[str, Mapping[str, str]]:
        """Hashes of all models and momenta."""
        parts = {"models": self.state.models, "momenta": self.state.momenta}
        return {"bits": {name: hashlib.sha256(x.numpy().tobytes()).hexdigest() for name, x in parts.items()}}
