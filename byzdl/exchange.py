"""What is on the wire in a round, and what a node can ask about the models that it received.

A *learner* is a node that trains and aggregates: every benign node, and Byzantine
ones whose attack follows the protocol. Everything about received models is laid out
[L, k]: a row for each of the L learners, a column for each of up to k neighbours.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import accumulate
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from byzdl.blocks import centred_gram, differences, finite, pairwise_squared
from byzdl.streams import stream
from byzdl.topology import Network


class Neighbourhood(NamedTuple):
    """What there is to know about a learner that hears Byzantine nodes.

    - `at`: where it stands among the learners
    - `messages`: which of the E are sent to it
    - `benign` [h_i]: where those of its neighbours and itself that are benign stand, ascending
    - `nodes`: their node numbers
    """

    at: int
    messages: slice
    benign: Tensor
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Roster:
    """Who hears whom in a round: in every round, while the graph stays and no message is lost.

    A column is one node's for the whole run, whatever becomes of the graph: rules may hold something of each neighbour.

    - `learners` [L]: their node numbers, ascending
    - `benign` [L]: which of them are
    - `senders` [L, k]: whose column it is, ascending by node number; -1 on the padding
    - `present` [L, k]: where there is a neighbour whose message arrives; false on the padding
    - `byzantine` [L, k]: which of these neighbours truly are Byzantine
    - `metropolis` [L, k]: the Metropolis weights W_ij of the graph, 0 where nobody is present
    - `rows` [L, k]: where a neighbour that is a learner stands among them; the learner itself where nobody is present
    - `attacker`, `victim` [E]: of every message from a Byzantine node that arrives, in the order in which `byzantine`
      has them, who of the B sends it and the node number of who gets it
    - `target` [E]: where who gets it stands among the learners
    """

    learners: Tensor
    benign: Tensor
    senders: Tensor
    present: Tensor
    byzantine: Tensor
    metropolis: Tensor
    rows: Tensor
    attacker: Tensor
    victim: Tensor
    target: Tensor

    @classmethod
    def of(cls, network: Network, learners: tuple[int, ...], device: torch.device, everybody: bool = False) -> "Roster":
        """The roster of a graph, with a column for each neighbour; or for `everybody` else, where later graphs differ."""
        around = [network.neighbours[i] for i in learners]
        columns = [[j for j in range(network.n) if j != i] for i in learners] if everybody else around
        k = max(map(len, columns))
        senders = torch.tensor([[*row, *[-1] * (k - len(row))] for row in columns], dtype=torch.long).reshape(
            len(learners), k
        )
        weights = [
            [network.metropolis(i, j) if j in near else 0.0 for j in row]
            for i, near, row in zip(learners, map(set, around), columns, strict=True)
        ]
        metropolis = torch.tensor([[*row, *[0.0] * (k - len(row))] for row in weights]).reshape(len(learners), k)
        present = metropolis > 0
        nodes, bad = torch.tensor(learners), torch.tensor(network.byzantine, dtype=torch.long)
        byzantine = present & torch.isin(senders, bad)
        return cls(
            learners=nodes,
            benign=~torch.isin(nodes, bad),
            senders=senders,
            present=present,
            byzantine=byzantine,
            metropolis=metropolis,
            rows=torch.where(present, torch.searchsorted(nodes, senders), torch.arange(len(nodes))[:, None]),
            attacker=torch.searchsorted(bad, senders[byzantine]),
            victim=nodes[byzantine.nonzero()[:, 0]],
            target=byzantine.nonzero()[:, 0],
        ).to(device)

    def without(self, lost: Tensor) -> "Roster":
        """The roster without the messages that are `lost` [n, n], receivers by senders."""
        present = self.present & ~lost[self.learners[:, None], self.senders]
        arrives = present[self.byzantine]
        return replace(
            self,
            present=present,
            byzantine=self.byzantine & present,
            metropolis=self.metropolis * present,
            rows=torch.where(present, self.rows, torch.arange(len(present), device=present.device)[:, None]),
            attacker=self.attacker[arrives],
            victim=self.victim[arrives],
            target=self.target[arrives],
        )

    def to(self, device: torch.device) -> "Roster":
        return Roster(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    @cached_property
    def arrived(self) -> tuple[Tensor, Tensor]:
        """How many messages each learner gets from Byzantine and from benign neighbours, each float64 [L]."""
        return self.byzantine.sum(1).double(), (self.present & ~self.byzantine).sum(1).double()

    @cached_property
    def neighbourhoods(self) -> tuple[Neighbourhood, ...]:
        """Those of all learners that hear Byzantine nodes, in the order of their messages."""
        heard = self.byzantine.sum(1).tolist()
        around = self.rows.masked_fill(~self.present | self.byzantine, -1).tolist()
        learners, honest = self.learners.tolist(), self.benign.tolist()
        found = []
        for i, (count, end) in enumerate(zip(heard, accumulate(heard), strict=True)):
            if count:
                benign = sorted([*(j for j in around[i] if j >= 0), *([i] if honest[i] else [])])
                places = torch.tensor(benign, dtype=torch.long, device=self.rows.device)
                found.append(Neighbourhood(i, slice(end - count, end), places, tuple(learners[j] for j in benign)))
        return tuple(found)

    def only(self, one: Neighbourhood) -> "Roster":
        """The roster in which nobody else hears anybody."""
        places = torch.arange(len(self.rows), device=self.rows.device)[:, None]
        here = places == one.at
        return replace(
            self,
            present=self.present & here,
            byzantine=self.byzantine & here,
            metropolis=self.metropolis * here,
            rows=torch.where(here, self.rows, places),
            attacker=self.attacker[one.messages],
            victim=self.victim[one.messages],
            target=self.target[one.messages],
        )


class LossOf(Protocol):
    """Losses [L, p] of models [m, d], by `rows` [L, p], on a mini-batch of each learner; anything where none is `wanted` [L, p].

    - `measure`: `loss`, or `accuracy` for the share of right answers
    """

    def __call__(
        self,
        models: Tensor,
        rows: Tensor,
        wanted: Tensor,
        fresh: bool,
        measure: Literal["loss", "accuracy"] = "loss",
    ) -> Tensor: ...


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
    - `rows` [L, k]: which of them came from each neighbour (the learner's own where nobody is present)
    - `present` [L, k]: where there is a neighbour whose message arrived
    - `byzantine` [L, k]: the truth about them, for reference lines alone
    - `metropolis` [L, k]: the weights W_ij, 0 where nobody is present
    - `infiltrators` [L]: how many neighbours whose messages arrived truly are Byzantine, for `f: known` alone
    - `loss_of`: evaluates losses, see `losses`
    - `nodes`: the learners' node numbers, for random numbers of their own
    - `seed`, `round`: of the run, and rounds done
    - `rounds`: T, how many the run has in all
    - `classes`: C, how many classes there are to learn
    """

    models: Tensor
    rows: Tensor
    present: Tensor
    byzantine: Tensor
    metropolis: Tensor
    infiltrators: Tensor
    loss_of: LossOf
    nodes: tuple[int, ...]
    seed: int = 0
    round: int = 0
    rounds: int = 1
    classes: int = 2

    @classmethod
    def of(
        cls, models: Tensor, rows: Tensor, roster: Roster, loss_of: LossOf, nodes: tuple[int, ...], **run: int
    ) -> "Inbox":
        """An inbox of who is in a roster; `run`: `seed`, `round`, `rounds`, `classes`."""
        infiltrators = roster.byzantine.sum(1)
        return cls(
            models, rows, roster.present, roster.byzantine, roster.metropolis, infiltrators, loss_of, nodes, **run
        )

    def stream(self, *key: int) -> np.random.Generator:
        """Random numbers of this round for the defense alone: the same on every repetition, and no other stream moves."""
        return stream(self.seed, "defense", self.round, *key)

    @property
    def own(self) -> Tensor:
        """The learners' own models x^{t+1/2} [L, d]."""
        return self.models[: len(self.rows)]

    @cached_property
    def valid(self) -> Tensor:
        """Where a model was received and every value of it is finite [L, k]."""
        return self.present & self._finite[self.rows]

    @property
    def pool(self) -> Tensor:
        """`rows` of N_i and i, the own model before the received ones [L, 1 + k]."""
        own = torch.arange(len(self.rows), device=self.rows.device)
        return torch.cat([own[:, None], self.rows], dim=1)

    @property
    def members(self) -> Tensor:
        """Where the pool has a model of which every value is finite [L, 1 + k]."""
        return torch.cat([self._finite[: len(self.rows), None], self.valid], dim=1)

    @property
    def degree(self) -> Tensor:
        """|N_i| [L], of those whose messages arrived."""
        return self.present.sum(1)

    def losses(self, among: Tensor | None = None, fresh: bool = False) -> tuple[Tensor, Tensor]:
        """Loss of the own model [L] and of each received one [L, k], float64, on the learner's own mini-batch.

        The mini-batch is xi_i, that of the local update, or with `fresh` another one of the
        learner's own data. +infinity stands for every loss that is not finite, and for what
        is not asked for: only `among` [L, k] (default: all valid models) is evaluated.
        """
        wanted = self.valid if among is None else among & self.valid
        # Own models first: one call evaluates every edge, self-loops included.
        asked = torch.cat([wanted.new_ones(len(wanted), 1), wanted], dim=1)
        losses = self.loss_of(self.models, self.pool, asked, fresh).double()
        losses = torch.where(asked & losses.isfinite(), losses, torch.inf)
        return losses[:, 0], losses[:, 1:]

    def accuracies(self) -> tuple[Tensor, Tensor]:
        """Share of right answers of the own model [L] and of each valid received one [L, k], float64, on the own mini-batch.

        0 where nothing valid was received.
        """
        asked = torch.cat([self.valid.new_ones(len(self.valid), 1), self.valid], dim=1)
        found = self.loss_of(self.models, self.pool, asked, False, "accuracy").double()
        found = torch.where(asked & found.isfinite(), found, 0.0)
        return found[:, 0], found[:, 1:]

    def distances(self) -> Tensor:
        """Euclidean distances ||x_j - x_i|| [L, k], float64; +infinity where nothing valid was received."""
        squared = torch.zeros(self.rows.shape, dtype=torch.float64, device=self.rows.device)
        own = torch.arange(len(self.rows), device=self.rows.device)
        for learners, difference in differences(self.models, self.rows, own):
            squared[learners] += difference.square_().sum(2)
        return torch.where(self.valid & ~squared.isnan(), squared.sqrt(), torch.inf)

    def pairwise_distances(self) -> Tensor:
        """Euclidean distances ||x_j - x_k|| between received models [L, k, k], float64; +infinity where one isn't valid."""
        both = self.valid[:, :, None] & self.valid[:, None, :]
        return torch.where(both, pairwise_squared(self.models, self.rows).sqrt(), torch.inf)

    def gram(self) -> Tensor:
        """Inner products (x_j - c)'(x_k - c) within the pool [L, 1 + k, 1 + k], float64; 0 where one isn't a member.

        The centre c is a model. Distances to any mean of the pool follow from it, without touching d numbers again.
        """
        both = self.members[:, :, None] & self.members[:, None, :]
        return torch.where(both, centred_gram(self.models, self.pool), 0.0)

    def combine(self, weights: Tensor, own: Tensor | None = None) -> Tensor:
        """w_i x_i + sum_j w_ij x_j [L, d], for weights w_ij [L, k].

        - `own` [L]: w_i; by default what the others leave of 1, up to rounding

        A model of weight 0 is not touched, so nothing that it holds can spread.
        """
        own = 1 - weights.sum(1) if own is None else own
        return weighted_sums(self.models, self.pool, torch.cat([own[:, None], weights], dim=1))

    def mix(self, selected: Tensor, alpha: float | Literal["uniform"], fallback: Tensor | None = None) -> Mix:
        """Eq. 6-7: a x_i^{t+1/2} + (1 - a) times the mean of the selected models; x_i^{t+1/2} where none is.

        - `selected` [L, k]
        - `alpha`: a; or `uniform`: 1 / (1 + how many are selected), the mean of these and the own model
        - `fallback` [L]: passed on to the logs
        """
        count = selected.sum(1, keepdim=True)
        if isinstance(alpha, str):
            weights = selected / (1 + count)
            return Mix(self.combine(weights), selected, weights, fallback)
        weights = (1 - alpha) * selected / count.clamp(min=1)
        # Exactly alpha: at alpha = 0, ten times a tenth would leave -1e-7 of a model that may have diverged.
        own = torch.where(selected.any(1), alpha, 1.0)
        return Mix(self.combine(weights, own), selected, weights, fallback)

    @cached_property
    def _finite(self) -> Tensor:
        return finite(self.models)


def weighted_sums(models: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Sums of models [m, d], by `rows` [b, p], with weights [b, p]: [b, d]. What has no weight is not touched."""
    weights = weights.to(models.dtype)
    # What weighs most stands in for what weighs nothing.
    rows = torch.where(weights != 0, rows, rows.gather(1, weights.abs().argmax(1, keepdim=True)))
    return F.embedding_bag(rows, models, per_sample_weights=weights, mode="sum")


Measure = Callable[[str, str], Tensor]
"""measure(of, metric): `error` or `loss` of every learner whose epoch ended, on `test` or `validation` data [L]."""
