"""`byzdl estimate dataset=cifar10 model=resnet rounds=800` tells what a run will take, before it starts.

It takes the overrides of `byzdl run`, computes a round or two of it, and writes nothing but the decoded data.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch

from byzdl.commands.door import door
from byzdl.config.compose import compose
from byzdl.simulation.build import build
from byzdl.simulation.evaluation import Scores, evaluate
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.processor import prepared
from byzdl.simulation.rounds import one_round
from byzdl.simulation.settings import Settings, parse

T = TypeVar("T")

FLOAT = 4  # bytes

# The first round also loads libraries and fills caches. If it is short, the second one is timed.
SHORT = 20.0  # seconds


@dataclass(frozen=True)
class Estimate:
    """What a run takes, from its first rounds on this machine.

    - `parameters`: d, of a model
    - `learners`, `nodes`: how many nodes have a model, and how many there are
    - `round`, `evaluation`: seconds
    - `rounds`, `evaluations`: how many there are in the run
    - `peak`: bytes of memory, at most, in use so far: of the process, or of its GPU
    - `device`: what the memory is of
    """

    parameters: int
    learners: int
    nodes: int
    round: float
    evaluation: float
    rounds: int
    evaluations: int
    peak: int
    device: str

    @classmethod
    def of(cls, settings: Settings) -> "Estimate":
        """Builds the run, and computes its first evaluation and its first round or two.

        An attack that starts later has no part in these.

        **Raises:** `ConfigError` for settings that cannot be run.
        """
        with prepared(settings.threads):
            experiment = build(settings)
            state = experiment.initial()
            evaluation, _ = _timed(experiment, lambda: evaluate(experiment, state, Scores(experiment, state.models)))
            seconds, (state, _) = _timed(experiment, lambda: one_round(experiment, state))
            if seconds < SHORT:
                seconds, _ = _timed(experiment, lambda: one_round(experiment, state))
            return cls(
                parameters=experiment.model.d,
                learners=len(experiment.learners),
                nodes=experiment.network.n,
                round=seconds,
                evaluation=evaluation,
                rounds=settings.rounds,
                evaluations=1 + -(-settings.rounds // settings.eval_every),
                peak=_peak(experiment.device),
                device=settings.device,
            )

    @property
    def matrices(self) -> int:
        """The bytes of the four matrices of models that a round holds: before, momenta, after their step, next."""
        return 4 * self.learners * self.parameters * FLOAT

    @property
    def seconds(self) -> float:
        """The seconds of the whole run, without its start."""
        return self.rounds * self.round + self.evaluations * self.evaluation

    def __str__(self) -> str:
        of = f"{self.learners} of {self.nodes} nodes have one, the others send what they want"
        return "\n".join(
            [
                f"model       {self.parameters:,} parameters; {of if self.learners < self.nodes else 'each node has one'}",
                f"memory      {_size(self.peak)} at most so far ({self.device}); {_size(self.matrices)} are models",
                f"a round     {_duration(self.round)}",
                f"evaluation  {_duration(self.evaluation)}",
                f"the run     {_duration(self.seconds)}: {self.rounds} rounds and {self.evaluations} evaluations",
            ]
        )


def _timed(experiment: Experiment, step: Callable[[], T]) -> tuple[float, T]:
    """The seconds of a step, until the device is done with it."""
    start = time.perf_counter()
    result = step()
    if experiment.device.type == "cuda":
        torch.cuda.synchronize(experiment.device)
    return time.perf_counter() - start, result


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # macOS counts bytes, Linux kibibytes


def _size(count: float) -> str:
    """Bytes for people.

    >>> _size(100_000), _size(3 * 2**30)
    ('0.1 MiB', '3.0 GiB')
    """
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _duration(seconds: float) -> str:
    """Seconds for people.

    >>> _duration(0.0123), _duration(75), _duration(30_000)
    ('12.3 ms', '75.0 s', '8.3 h')
    """
    for unit, size, most in (("ms", 1e-3, 1), ("s", 1, 120), ("min", 60, 7200)):
        if seconds < most:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds / 3600:.1f} h"


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints what a run of a configuration will take.

    **Raises:** `ConfigError` for overrides that cannot be composed or run.
    """
    parser = argparse.ArgumentParser(prog="byzdl estimate", description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="GROUP=CHOICE|KEY=VALUE", help="as of byzdl run")
    parser.add_argument(
        "-cd", "--config-dir", type=Path, metavar="DIR", help="a folder of your own choices, as of byzdl run"
    )
    options = parser.parse_args(arguments)
    print(Estimate.of(parse(compose(*options.overrides, config_dir=options.config_dir))))


if __name__ == "__main__":
    with door():
        main()
