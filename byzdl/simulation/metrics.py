"""The counts of every round (`Tally`), and the rows of the logs (`Evaluation`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from byzdl.config.columns import Row
from byzdl.exchange import Mix, Roster
from byzdl.simulation.tasks import ScoreName

# Counts by edge need a row per edge and evaluation. Beyond this number of entries in the roster, nobody could look at
# them, and they would be most of a run's output.
MOST_EDGES = 1000


class Tally(NamedTuple):
    """Sums counts over the rounds since the last evaluation, in float64.

    A count is None if the rule cannot tell it. Per learner [L]:

    - `byzantine`, `benign`: messages from Byzantine and from benign neighbours that the defense accepted
    - `weight`: weight of Byzantine models in the mix
    - `alone`: rounds in which no message was accepted
    - `fallback`: rounds in which the rule's fall-back chose
    - `byzantine_arrived`, `benign_arrived`: messages that were received

    Per edge [L, k]; None if L k, padding included, is more than `MOST_EDGES`, or if the nodes do not listen:

    - `arrived`: messages that were received
    - `accepted`: messages that the defense accepted
    - `mixed`: their weight in the mix

    And `rounds`, the number of rounds.

    >>> import torch
    >>> from byzdl.topology import Network
    >>> star = Network(neighbours=((1, 2), (0,), (0,)), byzantine=(2,))  # node 0 hears both others
    >>> roster = Roster.of(star, learners=(0, 1), device=torch.device("cpu"))
    >>> accepted = torch.tensor([[True, True], [False, False]])  # node 0 accepts both, node 1 nobody
    >>> tally = Tally().add(Mix(torch.zeros(2, 1), selected=accepted), roster)
    >>> tally.byzantine.tolist(), tally.benign.tolist(), tally.alone.tolist()
    ([1.0, 0.0], [1.0, 0.0], [0.0, 1.0])
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

    def add(self, mix: Mix, roster: Roster, listens: bool = True) -> "Tally":
        """Returns the tally with one more round.

        - `listens`: whether the nodes receive messages at all
        """
        selected, weights, fallback = mix.selected, mix.weights, mix.fallback
        by_edge = listens and roster.senders.numel() <= MOST_EDGES

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
            plus(self.arrived, roster.present if by_edge else None),
            plus(self.accepted, selected if by_edge else None),
            plus(self.mixed, weights if by_edge else None),
        )

    def among(self, learners: Tensor) -> "Tally":
        """Returns the tally of some learners alone, on the CPU."""
        return Tally(self.rounds, *(None if total is None else total[learners].cpu() for total in self[1:]))


@dataclass(frozen=True)
class Evaluation:
    """Holds the results for the h benign nodes after a round. Vectors are [h], ascending by node, on the CPU.

    - `round`: rounds done
    - `epoch`: local epochs done, the mean over benign nodes
    - `nodes`: node numbers
    - `score`, `loss`: of each node's model on the test samples
    - `consensus_distance`: (1/h) sum ||x_i - mean||^2
    - `reported`: named values of the defense's or the attack's state, [h] per node or [h, k] per edge
    - `success`: the share of test images with the attack's trigger that a model classifies as its target, or None without
      a trigger
    - `tally`: counts since the last evaluation
    - `neighbours`, `byzantine_neighbours`: numbers of neighbours in the graph of the last round
    - `senders` [h, k]: node numbers of the senders in the columns of the tally's edges
    - `validation`: score of each node's model on its own hold-out, or None if nodes hold nothing out
    - `task`: the score's name, `accuracy` or `r2`
    - `unit`: of a regression, the standard deviation of its targets
    """

    round: int
    epoch: float
    nodes: Tensor
    score: Tensor
    loss: Tensor
    consensus_distance: float
    reported: Mapping[str, Tensor]
    success: Tensor | None
    tally: Tally
    neighbours: Tensor
    byzantine_neighbours: Tensor
    senders: Tensor
    validation: Tensor | None = None
    task: ScoreName = "accuracy"
    unit: float = 1.0

    @property
    def score_mean(self) -> float:
        """The mean score over benign nodes."""
        return self.score.mean().item()

    @property
    def theta(self) -> Tensor | None:
        """The thresholds of the nodes, or None if the rule reports none."""
        return self.reported.get("theta")

    @property
    def score_worst(self) -> float:
        """The lowest score of a benign node."""
        return self.score.min().item()

    @property
    def rmse(self) -> Tensor | None:
        """The root of the mean squared error of each node's model, in units of the targets, or None for classes."""
        return self.loss.sqrt() * self.unit if self.task == "r2" else None

    def round_row(self) -> Row:
        """Returns the row of rounds.csv, without the seconds. None is an empty cell."""
        tally, node_rounds = self.tally, self.tally.rounds * len(self.nodes)
        name, rmse, validation = self.task, self.rmse, self.validation
        return {
            "round": self.round,
            "epoch": self.epoch,
            f"{name}_mean": self.score_mean,
            f"{name}_worst": self.score_worst,
            f"{name}_std": self.score.std(correction=0).item(),
            "loss_mean": self.loss.mean().item(),
            **({} if rmse is None else {"rmse_mean": rmse.mean().item()}),
            "consensus_distance": self.consensus_distance,
            "byzantine_accept_rate": _rate(tally.byzantine, _total(tally.byzantine_arrived)),
            "benign_accept_rate": _rate(tally.benign, _total(tally.benign_arrived)),
            "byzantine_weight": _rate(tally.weight, node_rounds),
            "alone_rate": _rate(tally.alone, node_rounds),
            "fallback_rate": _rate(tally.fallback, node_rounds),
            "theta_mean": None if self.theta is None else self.theta.mean().item(),
            "attack_success_rate": None if self.success is None else self.success.mean().item(),
            **({} if validation is None else {f"validation_{name}_mean": validation.mean().item()}),
            **({} if validation is None else {f"validation_{name}_worst": validation.min().item()}),
        }

    def node_rows(self) -> list[Row]:
        """Returns the rows of nodes.csv."""

        def count(total: Tensor | None, i: int) -> int | None:
            return None if total is None else int(total[i])

        rmse = self.rmse
        return [
            {
                "round": self.round,
                "node": int(node),
                self.task: self.score[i].item(),
                "loss": self.loss[i].item(),
                **({} if rmse is None else {"rmse": rmse[i].item()}),
                "theta": None if self.theta is None else self.theta[i].item(),
                "byzantine_accepted": count(self.tally.byzantine, i),
                "benign_accepted": count(self.tally.benign, i),
                "neighbours": int(self.neighbours[i]),
                "byzantine_neighbours": int(self.byzantine_neighbours[i]),
                **({} if self.validation is None else {f"validation_{self.task}": self.validation[i].item()}),
                **{name: self.reported[name][i].item() for name in columns_of(self.reported)["nodes.csv"]},
            }
            for i, node in enumerate(self.nodes)
        ]

    def edge_rows(self) -> list[Row]:
        """Returns the rows of edges.csv, one for each edge on which a benign node received a message."""
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
    """Returns the additional columns of nodes.csv and edges.csv, by table.

    A reported value per node is a column of nodes.csv, and a value per edge is one of edges.csv. Theta has a column
    already.

    >>> import torch
    >>> columns_of({"theta": torch.zeros(3), "trust": torch.zeros(3, 2)})
    {'nodes.csv': (), 'edges.csv': ('trust',)}
    """
    return {
        table: tuple(name for name, values in reported.items() if values.ndim == ndim and name != "theta")
        for table, ndim in (("nodes.csv", 1), ("edges.csv", 2))
    }


def _total(counts: Tensor | None) -> float:
    return 0.0 if counts is None else counts.sum().item()


def _rate(counts: Tensor | None, possible: float) -> float | None:
    """Returns the total as a share of the possible one; None without counts or if nothing was possible."""
    return None if counts is None or possible == 0 else _total(counts) / possible
