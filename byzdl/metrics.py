"""What is counted in a round, and what an evaluation says."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from byzdl.exchange import Mix, Roster


class Tally(NamedTuple):
    """Sums over the rounds since the last evaluation, per learner, each float64 [L]; None where a rule cannot say.

    - `rounds`: how many rounds
    - `byzantine`, `benign`: messages that the defense let in
    - `weight`: weight that Byzantine models had in the mix
    - `alone`: rounds in which nothing was mixed in
    - `fallback`: rounds in which the rule's fall-back chose
    """

    rounds: int = 0
    byzantine: Tensor | None = None
    benign: Tensor | None = None
    weight: Tensor | None = None
    alone: Tensor | None = None
    fallback: Tensor | None = None

    def add(self, mix: Mix, roster: Roster) -> "Tally":
        """The tally with one more round."""
        selected, weights, fallback = mix.selected, mix.weights, mix.fallback

        def plus(total: Tensor | None, value: Tensor | None) -> Tensor | None:
            if value is None:
                return None
            return value.double() if self.rounds == 0 else None if total is None else total + value

        return Tally(
            self.rounds + 1,
            plus(self.byzantine, None if selected is None else (selected & roster.byzantine).sum(1)),
            plus(self.benign, None if selected is None else (selected & ~roster.byzantine).sum(1)),
            plus(self.weight, None if weights is None else (weights * roster.byzantine).sum(1)),
            plus(self.alone, None if selected is None else ~selected.any(1)),
            plus(self.fallback, fallback),
        )

    def among(self, learners: Tensor) -> "Tally":
        """The tally of some learners alone, on the CPU."""
        return Tally(self.rounds, *(None if total is None else total[learners].cpu() for total in self[1:]))


@dataclass(frozen=True)
class Evaluation:
    """What is known of the benign nodes after a round; vectors are [h], ascending by node, on the CPU.

    - `round`: rounds done
    - `epoch`: local epochs done, the mean over benign nodes
    - `nodes`: their node numbers
    - `accuracy`, `loss`: of each one's model on the test images
    - `consensus_distance`: (1/h) sum ||x_i - mean||^2
    - `theta`: their thresholds, or None
    - `success`: the share of test images with the attack's trigger that they take for its target, or None without one
    - `tally`: what was counted since the last evaluation
    - `neighbours`, `byzantine_neighbours`: how many each has
    """

    round: int
    epoch: float
    nodes: Tensor
    accuracy: Tensor
    loss: Tensor
    consensus_distance: float
    theta: Tensor | None
    success: Tensor | None
    tally: Tally
    neighbours: Tensor
    byzantine_neighbours: Tensor

    @property
    def accuracy_mean(self) -> float:
        return self.accuracy.mean().item()

    @property
    def accuracy_worst(self) -> float:
        return self.accuracy.min().item()

    def round_row(self) -> dict[str, int | float | None]:
        """This evaluation's row of rounds.csv, all but the seconds; None is an empty cell."""
        tally, benign_neighbours = self.tally, self.neighbours - self.byzantine_neighbours
        return {
            "round": self.round,
            "epoch": self.epoch,
            "accuracy_mean": self.accuracy_mean,
            "accuracy_worst": self.accuracy_worst,
            "accuracy_std": self.accuracy.std(correction=0).item(),
            "loss_mean": self.loss.mean().item(),
            "consensus_distance": self.consensus_distance,
            "byzantine_accept_rate": self._rate(tally.byzantine, self.byzantine_neighbours),
            "benign_accept_rate": self._rate(tally.benign, benign_neighbours),
            "byzantine_weight": self._rate(tally.weight, torch.ones_like(self.nodes)),
            "alone_rate": self._rate(tally.alone, torch.ones_like(self.nodes)),
            "fallback_rate": self._rate(tally.fallback, torch.ones_like(self.nodes)),
            "theta_mean": None if self.theta is None else self.theta.mean().item(),
            "attack_success_rate": None if self.success is None else self.success.mean().item(),
        }

    def node_rows(self) -> list[dict[str, int | float | None]]:
        """This evaluation's rows of nodes.csv."""

        def count(total: Tensor | None, i: int) -> int | None:
            return None if total is None else int(total[i])

        return [
            {
                "round": self.round,
                "node": int(node),
                "accuracy": self.accuracy[i].item(),
                "loss": self.loss[i].item(),
                "theta": None if self.theta is None else self.theta[i].item(),
                "byzantine_accepted": count(self.tally.byzantine, i),
                "benign_accepted": count(self.tally.benign, i),
                "neighbours": int(self.neighbours[i]),
                "byzantine_neighbours": int(self.byzantine_neighbours[i]),
            }
            for i, node in enumerate(self.nodes)
        ]

    def _rate(self, total: Tensor | None, per_round: Tensor) -> float | None:
        """Total over what it could have been; None where there was nothing."""
        possible = self.tally.rounds * int(per_round.sum())
        return None if total is None or possible == 0 else total.sum().item() / possible
