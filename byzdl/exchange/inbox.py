"""What a node received in a round, and what it can ask about it.

Everything about received models is laid out [L, k]: a row for each of the L learners, a column for each of up to k
neighbours.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from byzdl.config.types import RuleError
from byzdl.exchange.roster import Roster
from byzdl.random_streams import stream
from byzdl.vectors.blocks import centred_gram, differences, finite, pairwise_squared
from byzdl.vectors.weighted_sums import weighted_sums

Measure = Literal["loss", "accuracy"]  # the mean cross-entropy, or the share of right answers


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
        measure: Measure = "loss",
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

    def __post_init__(self) -> None:
        if not isinstance(self.models, Tensor) or self.models.ndim != 2:
            raise RuleError(f"Mix.models is {_shape(self.models)}, but must be the next models [L, d]")
        edges = {name: value for name in ("selected", "weights") if (value := getattr(self, name)) is not None}
        for name, value in edges.items():
            if not isinstance(value, Tensor) or value.ndim != 2 or len(value) != len(self.models):
                raise RuleError(f"Mix.{name} is {_shape(value)}, but must be [L, k] with L = {len(self.models)}")
        if self.selected is not None and self.selected.dtype != torch.bool:
            raise RuleError(f"Mix.selected is of type {self.selected.dtype}, but must be a mask of torch.bool")
        if self.fallback is not None and self.fallback.shape != self.models.shape[:1]:
            raise RuleError(f"Mix.fallback is {_shape(self.fallback)}, but must be [L] = [{len(self.models)}]")

    def check(self, learners: int, d: int, k: int) -> None:
        """**Raises:** `RuleError` where the mix is not of L learners with up to k neighbours and models of d parameters."""
        if self.models.shape != (learners, d):
            raise RuleError(f"Mix.models is {_shape(self.models)}, but must be [L, d] = [{learners}, {d}]")
        for name in ("selected", "weights"):
            value = getattr(self, name)
            if value is not None and value.shape != (learners, k):
                raise RuleError(f"Mix.{name} is {_shape(value)}, but must be [L, k] = [{learners}, {k}]")


def _shape(value: object) -> str:
    return str(list(value.shape)) if isinstance(value, Tensor) else f"a {type(value).__name__}"


@dataclass(frozen=True)
class Truth:
    """What no real node knows of the models it received: for reference lines and for `f: known` alone.

    - `byzantine` [L, k]: which received models came from Byzantine nodes
    - `count` [L]: how many Byzantine neighbours sent a message that arrived
    """

    byzantine: Tensor
    count: Tensor


@dataclass(frozen=True)
class Inbox:
    """Every learner's own model and what it received in one round: all that a defense can ask about.

    - `models` [m, d]: the distinct models on the wire; the first L are the learners' own x^{t+1/2}
    - `rows` [L, k]: which of them came from each neighbour (the learner's own where nobody is present)
    - `present` [L, k]: where there is a neighbour whose message arrived
    - `metropolis` [L, k]: the weights W_ij, 0 where nobody is present
    - `truth`: which of them are Byzantine; a rule that reads it cheats
    - `loss_of`: evaluates losses, see `losses`
    - `nodes`: the learners' node numbers, for random numbers of their own
    - `seed`, `round`: of the run, and rounds done
    - `rounds`: T, how many the run has in all
    - `classes`: C, how many classes there are to learn
    """

    models: Tensor
    rows: Tensor
    present: Tensor
    metropolis: Tensor
    truth: Truth
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
        truth = Truth(roster.byzantine, roster.byzantine.sum(1))
        return cls(models, rows, roster.present, roster.metropolis, truth, loss_of, nodes, **run)

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
