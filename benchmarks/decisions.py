"""Counts the decisions of loss_threshold that change if losses are screened in bfloat16."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from benchmarks.setting import experiment
from byzdl.defenses.loss_threshold import LossThreshold, LossThresholdState
from byzdl.exchange import Inbox, Mix
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.rounds import simulate

CASES = {
    "digits, mlp, max": ["attack=max"],
    "digits, mlp, alie z=1.5": ["attack=alie_1.5"],
    "digits, cnn 8/16, max": ["attack=max", "model=cnn", "model.channels=[8,16]", "model.hidden=32"],
    "digits, cnn 8/16, alie z=1.5": ["attack=alie_1.5", "model=cnn", "model.channels=[8,16]", "model.hidden=32"],
}


def measure() -> Iterator[dict[str, Any]]:
    """Yields the rows of the table."""
    for what, overrides in CASES.items():
        e = experiment(*overrides, "attack.br=0.3", "partition=dirichlet", "partition.alpha=1", "batch_size=16")
        for precision, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
            rule = Compared(**dict(e.defense))
            rule.of(e, dtype)
            *_, (_, last) = simulate(dataclasses.replace(e, defense=rule), e.initial())
            assert last is not None
            note = (
                f"{rule._changed / rule._decided:.2%} of {rule._decided} decisions differ in bf16"
                if dtype == torch.float32
                else "every decision in bf16"
            )
            yield {
                "part": "decisions, 300 rounds",
                "what": f"{what}, screened in {precision}",
                "note": f"{note}; final accuracy {last.score_mean:.4f}, worst node {last.score_worst:.4f}",
            }


class Compared(LossThreshold):
    """loss_threshold, with a count of the decisions that differ in bfloat16."""

    _experiment: Experiment
    _screening: torch.dtype
    _changed: int = 0
    _decided: int = 0

    def of(self, e: Experiment, screening: torch.dtype) -> None:
        """Sets the experiment, and the precision of the decisions that count."""
        self._experiment, self._screening = e, screening

    def aggregate(self, state: LossThresholdState, inbox: Inbox) -> tuple[LossThresholdState, Mix]:
        mixes = {}
        for dtype in (torch.float32, torch.bfloat16):
            self._experiment.model.screening = dtype
            mixes[dtype] = super().aggregate(state, inbox)
        exact, coarse = (mix.selected for _, mix in mixes.values())
        assert exact is not None
        assert coarse is not None
        self._changed += int((exact != coarse)[inbox.present].sum())
        self._decided += int(inbox.present.sum())
        return mixes[self._screening]
