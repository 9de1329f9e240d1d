"""What is counted in a round, and what an evaluation says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from byzdl.config.columns import Row
from byzdl.exchange import Mix, Roster

# What is counted edge by edge needs a row an edge and evaluation: of a network with more columns than this in its
# roster nobody could look at it, and it would be most of what a run writes.
MOST_EDGES = 1000


class Tally(NamedTuple):
    """Sums over the rounds since the last evaluation, float64, per learner [L] or edge [L, k]; None where a rule cannot say.

    - `rounds`: how many rounds
    - `byzantine`, `benign`: messages that the defense let in
    - `weight`: weight that Byzantine models had in the mix
    - `alone`: rounds in which nothing was mixed in
    - `fallback`: rounds in which the rule's fall-back chose
    - `byzantine_arrived`, `benign_arrived`: messages that there were to let in
    - `arrived`, `accepted`, `mixed`: of each edge the messages, how many the defense let in, and their weight in the mix;
      None where L k, neighbours that are only padding included, is more than `MOST_EDGES`
    """

    rounds: int = 0
    byzantine: Tensor | None = None
    benign: Tensor | None = None
    weight: Tensor | None = None
    alone: Tensor | None = None
    fallback: Tensor | None = None
    byzantine_arrived: Tensor | None = None
    benign_arrived: Tensor | None = None
    arrived: Tensor | None = None
    accepted: Tensor | None = None
    mixed: Tensor | None = None

    def add(self, mix: Mix, roster: Roster) -> "Tally":
        """The tally with one more round."""
        selected, weights, fallback = mix.selected, mix.weights, mix.fallback
        few = roster.senders.numel() <= MOST_EDGES

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
            plus(self.byzantine_arrived, roster.arrived[0]),
            plus(self.benign_arrived, roster.arrived[1]),
            plus(self.arrived, roster.present if few else None),
            plus(self.accepted, selected if few else None),
            plus(self.mixed, weights if few else None),
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
    - `reported`: named values of a rule's or an attack's state, [h] a node or [h, k] an edge
    - `success`: the share of test images with the attack's trigger that they take for its target, or None without one
    - `tally`: what was counted since the last evaluation
    - `neighbours`, `byzantine_neighbours`: how many each has, in the graph of the last round
    - `senders` [h, k]: whose messages the columns of the tally's edges are of
    """

    round: int
    epoch: float
    nodes: Tensor
    accuracy: Tensor
    loss: Tensor
    consensus_distance: float
    reported: Mapping[str, Tensor]
    success: Tensor | None
    tally: Tally
    neighbours: Tensor
    byzantine_neighbours: Tensor
    senders: Tensor

    @property
    def accuracy_mean(self) -> float:
        return self.accuracy.mean().item()

    @property
    def theta(self) -> Tensor | None:
        """The nodes' thresholds, of a rule that reports them."""
        return self.reported.get("theta")

    @property
    def accuracy_worst(self) -> float:
        return self.accuracy.min().item()

    def round_row(self) -> Row:
        """This evaluation's row of rounds.csv, all but the seconds; None is an empty cell."""
        tally, node_rounds = self.tally, self.tally.rounds * len(self.nodes)
        return {
            "round": self.round,
            "epoch": self.epoch,
            "accuracy_mean": self.accuracy_mean,
            "accuracy_worst": self.accuracy_worst,
            "accuracy_std": self.accuracy.std(correction=0).item(),
            "loss_mean": self.loss.mean().item(),
            "consensus_distance": self.consensus_distance,
            "byzantine_accept_rate": _rate(tally.byzantine, _total(tally.byzantine_arrived)),
            "benign_accept_rate": _rate(tally.benign, _total(tally.benign_arrived)),
            "byzantine_weight": _rate(tally.weight, node_rounds),
            "alone_rate": _rate(tally.alone, node_rounds),
            "fallback_rate": _rate(tally.fallback, node_rounds),
            "theta_mean": None if self.theta is None else self.theta.mean().item(),
            "attack_success_rate": None if self.success is None else self.success.mean().item(),
        }

    def node_rows(self) -> list[Row]:
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
                **{name: self.reported[name][i].item() for name in columns_of(self.reported)["nodes.csv"]},
            }
            for i, node in enumerate(self.nodes)
        ]

    def edge_rows(self) -> list[Row]:
        """This evaluation's rows of edges.csv: one for each edge on which a message came to a benign node."""
        tally = self.tally
        if tally.arrived is None:
            return []
        accepted = None if tally.accepted is None else tally.accepted.tolist()
        mixed = None if tally.mixed is None else (tally.mixed / tally.rounds).tolist()
        senders, arrived = self.senders.tolist(), tally.arrived.tolist()
        reported = {name: self.reported[name].tolist() for name in columns_of(self.reported)["edges.csv"]}
        return [
            {
                "round": self.round,
                "node": node,
                "neighbour": senders[i][c],
                "arrived": int(arrived[i][c]),
                "accepted": None if accepted is None else int(accepted[i][c]),
                "weight": None if mixed is None else mixed[i][c],
                **{name: values[i][c] for name, values in reported.items()},
            }
            for i, node in enumerate(self.nodes.tolist())
            for c in range(len(senders[i]))
            if arrived[i][c] > 0
        ]


def columns_of(reported: Mapping[str, Tensor]) -> dict[str, tuple[str, ...]]:
    """The further columns of nodes.csv and edges.csv, by table.

    A value for each node is a column of nodes.csv, a value for each edge one of edges.csv; theta has a column already.
    """
    return {
        table: tuple(name for name, values in reported.items() if values.ndim == ndim and name != "theta")
        for table, ndim in (("nodes.csv", 1), ("edges.csv", 2))
    }


def _total(counts: Tensor | None) -> float:
    return 0.0 if counts is None else counts.sum().item()


def _rate(counts: Tensor | None, possible: float) -> float | None:
    """The total over what it could have been; None where there was nothing."""
    return None if counts is None or possible == 0 else _total(counts) / possible
