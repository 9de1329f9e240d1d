"""What is on the wire in a round, and what a node can ask about the models that it received.

A *learner* is a node that trains and aggregates: every benign node, and Byzantine
ones whose attack follows the protocol. Everything about received models is laid out
[L, k]: a row for each of the L learners, a column for each of up to k neighbours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from byzdl.streams import stream
from byzdl.topology import Network


@dataclass(frozen=True)
class Roster:
    """Who hears whom; it stays the same while the graph does.

    - `learners` [L]: their node numbers, ascending
    - `present` [L, k]: where there is a neighbour, ascending by node number; false on the padding
    - `byzantine` [L, k]: which neighbours truly are Byzantine
    - `metropolis` [L, k]: the Metropolis weights W_ij, 0 on the padding
    - `rows` [L, k]: where a neighbour that is a learner stands among them; the learner itself on the padding
    - `attacker`, `victim` [E]: of every message from a Byzantine node, in the order in which `byzantine`
      has them, who of the B sends it and the node number of who gets it
    """

    learners: Tensor
    present: Tensor
    byzantine: Tensor
    metropolis: Tensor
    rows: Tensor
    attacker: Tensor
    victim: Tensor

    @classmethod
    def of(cls, network: Network, learners: tuple[int, ...], device: torch.device) -> "Roster":
        around = [network.neighbours[i] for i in learners]
        k = max(map(len, around))
        senders = torch.tensor([[*row, *[-1] * (k - len(row))] for row in around], dtype=torch.long).reshape(
            len(learners), k
        )
        weights = [[network.metropolis(i, j) for j in row] for i, row in zip(learners, around, strict=True)]
        nodes, bad = torch.tensor(learners), torch.tensor(network.byzantine, dtype=torch.long)
        byzantine = torch.isin(senders, bad)
        roster = cls(
            learners=nodes,
            present=senders >= 0,
            byzantine=byzantine,
            metropolis=torch.tensor([[*row, *[0.0] * (k - len(row))] for row in weights]).reshape(len(learners), k),
            rows=torch.where(senders >= 0, torch.searchsorted(nodes, senders), torch.arange(len(nodes))[:, None]),
            attacker=torch.searchsorted(bad, senders[byzantine]),
            victim=nodes[byzantine.nonzero()[:, 0]],
        )
        return cls(**{name: value.to(device) for name, value in vars(roster).items()})


class LossOf(Protocol):
    """Loss of model `row` on a mini-batch of learner `learner`, for each requested pair: float32 [p]."""

    def __call__(self, learner: Tensor, row: Tensor, fresh: bool) -> Tensor: ...


@dataclass(frozen=True)
class Mix:
    """What a defense decided for every learner.

    - `models` [L, d]: x^{t+1}
    - `selected` [L, k]: which received models were let in, or None where a rule cannot say
    - `weights` [L, k]: their weights in the mix, or None where a rule cannot say
    - `fallback` [L]: where the rule's fall-back chose, or None where it has none
    """

    models: Tensor
    selected: Tensor | None = None
    weights: Tensor | None = None
    fallback: Tensor | None = None


@dataclass(frozen=True)
class Inbox:
    """Every learner's own model and what it received in one round: all that a defense can ask about.

    - `models` [m, d]: the distinct models on the wire; the first L are the learners' own x^{t+1/2}
    - `rows` [L, k]: which of them came from each neighbour (the learner's own on the padding)
    - `present` [L, k]: where there is a neighbour
    - `byzantine` [L, k]: the truth about them, for reference lines and for `f: known` alone
    - `metropolis` [L, k]: the weights W_ij
    - `loss_of`: evaluates losses, see `losses`
    - `seed`, `round`: of the run, and rounds done
    """

    models: Tensor
    rows: Tensor
    present: Tensor
    byzantine: Tensor
    metropolis: Tensor
    loss_of: LossOf
    seed: int
    round: int
    _finite: Tensor

    @classmethod
    def of(
        cls, models: Tensor, rows: Tensor, roster: Roster, loss_of: LossOf, seed: int = 0, round: int = 0
    ) -> "Inbox":
        finite = models.isfinite().all(dim=1)
        return cls(models, rows, roster.present, roster.byzantine, roster.metropolis, loss_of, seed, round, finite)

    def stream(self, *key: int) -> np.random.Generator:
        """Random numbers of this round for the defense alone: the same on every repetition, and no other stream moves."""
        return stream(self.seed, "defense", self.round, *key)

    @property
    def own(self) -> Tensor:
        """The learners' own models x^{t+1/2} [L, d]."""
        return self.models[: len(self.rows)]

    @property
    def valid(self) -> Tensor:
        """Where a model was received and every value of it is finite [L, k]."""
        return self.present & self._finite[self.rows]

    @property
    def degree(self) -> Tensor:
        """|N_i| [L]."""
        return self.present.sum(1)

    def losses(self, among: Tensor | None = None, fresh: bool = False) -> tuple[Tensor, Tensor]:
        """Loss of the own model [L] and of each received one [L, k], float64, on the learner's own mini-batch.

        The mini-batch is xi_i, that of the local update, or with `fresh` another one of the
        learner's own data. +infinity stands for every loss that is not finite, and for what
        is not asked for: only `among` [L, k] (default: all valid models) is evaluated.
        """
        wanted = self.valid if among is None else among & self.valid
        learner, column = wanted.nonzero(as_tuple=True)
        own = torch.arange(len(self.rows), device=learner.device)
        # Own models first: one call evaluates every edge, self-loops included.
        values = self.loss_of(torch.cat([own, learner]), torch.cat([own, self.rows[learner, column]]), fresh).double()
        values = torch.where(values.isfinite(), values, torch.inf)
        losses = torch.full(self.rows.shape, torch.inf, dtype=torch.float64, device=values.device)
        losses[learner, column] = values[len(own) :]
        return values[: len(own)], losses

    def distances(self) -> Tensor:
        """Euclidean distances ||x_j - x_i|| [L, k], float64; +infinity where nothing valid was received."""
        pairs = [_distances(x[None], received)[0] for x, received in self._each()]
        distances = torch.stack(pairs)
        return torch.where(self.valid & ~distances.isnan(), distances, torch.inf)

    def pairwise_distances(self) -> Tensor:
        """Euclidean distances ||x_j - x_k|| between received models [L, k, k], float64; +infinity where one isn't valid."""
        pairs = [_distances(received, received) for _, received in self._each()]
        both = self.valid[:, :, None] & self.valid[:, None, :]
        return torch.where(both, torch.stack(pairs), torch.inf)

    def combine(self, weights: Tensor) -> Tensor:
        """(1 - sum_j w_ij) x_i + sum_j w_ij x_j [L, d], for weights [L, k].

        A model of weight 0 is not touched, so nothing that it holds can spread.
        """
        own = torch.arange(len(self.rows), device=self.rows.device)[:, None]
        rows = torch.cat([own, self.rows], dim=1)
        every = torch.cat([1 - weights.sum(1, keepdim=True), weights], dim=1).to(self.models.dtype)
        counts = every != 0
        ends = counts.sum(1).cumsum(0)
        return F.embedding_bag(
            rows[counts], self.models, ends - counts.sum(1), per_sample_weights=every[counts], mode="sum"
        )

    def mix(self, selected: Tensor, alpha: float, fallback: Tensor | None = None) -> Mix:
        """Eq. 6-7: a x_i^{t+1/2} + (1 - a) times the mean of the selected models; x_i^{t+1/2} where none is.

        - `selected` [L, k]
        - `alpha`: a
        - `fallback` [L]: passed on to the logs
        """
        weights = (1 - alpha) * selected / selected.sum(1, keepdim=True).clamp(min=1)
        return Mix(self.combine(weights), selected, weights, fallback)

    def _each(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Each learner's own model [d] and those that it received [k, d]."""
        return ((x, self.models[row]) for x, row in zip(self.own, self.rows, strict=True))


def _distances(left: Tensor, right: Tensor) -> Tensor:
    """Euclidean distances [p, q] between models [p, d] and [q, d], of any size that float32 holds.

    The Gram-matrix form would lose the distances between benign models beside a huge Byzantine one, and float32 their squares.
    """
    return torch.cdist(left.double(), right.double(), compute_mode="donot_use_mm_for_euclid_dist")


Measure = Callable[[str, str], Tensor]
"""measure(of, metric): `error` or `loss` of every learner whose epoch ended, on `test` or `validation` data [L]."""
