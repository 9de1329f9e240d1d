"""The models that each learner received in a round, and its questions about them.

Every array about received models is [L, k]: a row for each of the L learners, a column for each of up to k neighbours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from byzdl.config.types import RuleError
from byzdl.exchange.roster import Roster
from byzdl.random_streams import stream
from byzdl.vectors.blocks import centred_gram, finite, pairwise_squared, squared_distances
from byzdl.vectors.weighted_sums import weighted_sums

Measure = Literal["loss", "accuracy"]  # the mean loss, or the share of right answers (in a regression, R^2)


class LossOf(Protocol):
    """Evaluates models [m, d], by `rows` [L, p], on a mini-batch of each learner: losses [L, p].

    - `wanted` [L, p]: mask of the needed losses; the others may be anything
    - `fresh`: evaluate on another mini-batch than that of the local update
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
    """Holds a defense's decision for every learner.

    - `models` [L, d]: x^{t+1}
    - `selected` [L, k]: mask of the accepted models; None if the rule has no such notion
    - `weights` [L, k]: weights of the received models in the mix; None if the rule has no such notion
    - `fallback` [L]: mask of the learners for which the rule's fall-back chose; None if the rule has no fall-back

    >>> Mix(torch.zeros(2, 3), selected=torch.tensor([[True, False]]))
    Traceback (most recent call last):
    byzdl.config.types.RuleError: Mix.selected is [1, 2], but must be [L, k] with L = 2
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
        """Checks the mix against L learners with up to k neighbours each, and models of d parameters.

        **Raises:** `RuleError` for another shape.
        """
        if self.models.shape != (learners, d):
            raise RuleError(f"Mix.models is {_shape(self.models)}, but must be [L, d] = [{learners}, {d}]")
        for name in ("selected", "weights"):
            value = getattr(self, name)
            if value is not None and value.shape != (learners, k):
                raise RuleError(f"Mix.{name} is {_shape(value)}, but must be [L, k] = [{learners}, {k}]")

    def parts(self, copies: int) -> Iterator["Mix"]:
        """Yields the mix of each copy of the learners, views of this one.

        >>> [part.models.tolist() for part in Mix(torch.tensor([[1.0], [2.0]])).parts(2)]
        [[[1.0]], [[2.0]]]
        """
        values = (self.models, self.selected, self.weights, self.fallback)
        chunks = ([None] * copies if value is None else value.chunk(copies) for value in values)
        return (Mix(*part) for part in zip(*chunks, strict=True))


def _shape(value: object) -> str:
    return str(list(value.shape)) if isinstance(value, Tensor) else f"a {type(value).__name__}"


@dataclass(frozen=True)
class Truth:
    """Holds facts about the received models that no real node knows: only for reference lines and `f: known`.

    - `byzantine` [L, k]: mask of the models received from Byzantine nodes
    - `count` [L]: number of Byzantine neighbours with a delivered message
    """

    byzantine: Tensor
    count: Tensor


@dataclass(frozen=True)
class Inbox:
    """Holds every learner's own and received models of one round, and answers a defense's questions about them.

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[2.0], [4.0], [90.0]])])
    >>> inbox.distances()
    tensor([[ 2.,  4., 90.]], dtype=torch.float64)
    >>> inbox.mix(selected=inbox.distances() < 10, alpha=0.5).models
    tensor([[1.5000]])

    - `models` [m, d]: the distinct models on the wire; the first L are the learners' own x^{t+1/2}
    - `rows` [L, k]: row in `models` of each neighbour's model; the learner's own row where no message arrived
    - `present` [L, k]: mask of the neighbours with a delivered message
    - `metropolis` [L, k]: the weights W_ij, 0 where no message arrived
    - `truth`: the Byzantine models; a rule that reads it cheats
    - `loss_of`: evaluates losses, see `losses`
    - `nodes`: the learners' node numbers, as keys of their random numbers
    - `before` [L / copies, d]: the own models before their local step, x_i^t, of one copy of the learners
    - `seed`: seed of the run
    - `round`: number of completed rounds
    - `rounds`: T, number of rounds in the run
    - `classes`: C, number of classes to learn; None in a regression
    - `copies`: T, 1 in a round itself. In a trial of T sets of messages at once, the L rows are T copies of the learners,
      and only the first L / T of `models` are their own. A table of all pairs then has a row for each trial's messages,
      so distances from it may differ in their last digit from those of a round; the round itself has `copies` = 1
    """

    models: Tensor
    rows: Tensor
    present: Tensor
    metropolis: Tensor
    truth: Truth
    loss_of: LossOf
    nodes: tuple[int, ...]
    before: Tensor
    seed: int = 0
    round: int = 0
    rounds: int = 1
    classes: int | None = 2
    copies: int = 1

    @classmethod
    def of(
        cls,
        models: Tensor,
        rows: Tensor,
        roster: Roster,
        loss_of: LossOf,
        nodes: tuple[int, ...],
        before: Tensor,
        **run: Any,
    ) -> "Inbox":
        """Builds an inbox with the neighbours of a roster; `run`: `seed`, `round`, `rounds`, `classes`."""
        truth = Truth(roster.byzantine, roster.byzantine.sum(1))
        there, weights, copies = roster.present, roster.metropolis, roster.copies
        return cls(models, rows, there, weights, truth, loss_of, nodes * copies, before, copies=copies, **run)

    def stream(self, *key: int) -> np.random.Generator:
        """Returns the defense's random generator of this round and a key.

        It is the same on every repetition, and independent of all other streams.

        - `key`: of a draw for one learner, its number in `nodes`, so that all copies of the learner draw alike
        """
        return stream(self.seed, "defense", self.round, *key)

    @cached_property
    def own(self) -> Tensor:
        """The learners' own models x^{t+1/2} [L, d]."""
        return self._repeated(self.models)

    @cached_property
    def own_rows(self) -> Tensor:
        """Rows in `models` of the own models [L]."""
        return self._repeated(torch.arange(len(self.rows), device=self.rows.device))

    @cached_property
    def valid(self) -> Tensor:
        """Mask of the received models with finite values only [L, k]."""
        return self.present & self._finite[self.rows]

    @cached_property
    def pool(self) -> Tensor:
        """Rows in `models` of the pool, i and N_i: the own model before the received ones [L, 1 + k]."""
        return torch.cat([self.own_rows[:, None], self.rows], dim=1)

    @property
    def members(self) -> Tensor:
        """Mask of the pool's models with finite values only [L, 1 + k]."""
        return torch.cat([self._repeated(self._finite)[:, None], self.valid], dim=1)

    @property
    def degree(self) -> Tensor:
        """|N_i| [L], the number of neighbours with a delivered message."""
        return self.present.sum(1)

    def losses(self, among: Tensor | None = None, fresh: bool = False) -> tuple[Tensor, Tensor]:
        """Computes the loss of the own model [L] and of each received one [L, k] on the learner's own mini-batch.

        - `among` [L, k]: mask of the models to evaluate; by default all valid ones
        - `fresh`: evaluate on another mini-batch of the learner's own data; by default on xi_i, that of the local update

        Losses are float64. A loss that is not finite, or not evaluated, is +infinity.
        """
        wanted = self.valid if among is None else among & self.valid
        # Own models first: one call evaluates every edge, self-loops included.
        asked = torch.cat([wanted.new_ones(len(wanted), 1), wanted], dim=1)
        losses = self.loss_of(self.models, self.pool, asked, fresh).double()
        losses = torch.where(asked & losses.isfinite(), losses, torch.inf)
        return losses[:, 0], losses[:, 1:]

    def accuracies(self) -> tuple[Tensor, Tensor]:
        """Computes the accuracy of the own model [L] and of each received one [L, k] on the learner's own mini-batch.

        The shares of right answers are float64, and 0 where no valid model was received.
        """
        asked = torch.cat([self.valid.new_ones(len(self.valid), 1), self.valid], dim=1)
        found = self.loss_of(self.models, self.pool, asked, False, "accuracy").double()
        found = torch.where(asked & found.isfinite(), found, 0.0)
        return found[:, 0], found[:, 1:]

    def distances(self) -> Tensor:
        """Computes Euclidean distances ||x_j - x_i|| [L, k], float64; +infinity where no valid model was received."""
        squared = squared_distances(self.models, self.rows, self.own_rows, self.copies)
        return torch.where(self.valid & ~squared.isnan(), squared.sqrt(), torch.inf)

    def pairwise_distances(self) -> Tensor:
        """Computes Euclidean distances ||x_j - x_k|| between received models [L, k, k], float64.

        A distance from or to an invalid model is +infinity.
        """
        both = self.valid[:, :, None] & self.valid[:, None, :]
        return torch.where(both, pairwise_squared(self.models, self.rows).sqrt(), torch.inf)

    def gram(self) -> Tensor:
        """Computes inner products (x_j - c)'(x_k - c) within the pool [L, 1 + k, 1 + k], float64; 0 for non-members.

        The centre c is a model. Distances to any mean of the pool follow from these products, without another pass
        over d numbers.
        """
        both = self.members[:, :, None] & self.members[:, None, :]
        return torch.where(both, centred_gram(self.models, self.pool), 0.0)

    def combine(self, weights: Tensor, own: Tensor | None = None) -> Tensor:
        """Computes the weighted sums w_i x_i + sum_j w_ij x_j [L, d].

        - `weights` [L, k]: w_ij
        - `own` [L]: w_i; by default 1 - sum_j w_ij, up to rounding

        A model of weight 0 is never read, so a NaN in it cannot spread.
        """
        own = 1 - weights.sum(1) if own is None else own
        return weighted_sums(self.models, self.pool, torch.cat([own[:, None], weights], dim=1))

    def mix(self, selected: Tensor, alpha: float | Literal["uniform"], fallback: Tensor | None = None) -> Mix:
        """Mixes by eq. 6-7: a x_i^{t+1/2} + (1 - a) times the mean of the selected models; x_i^{t+1/2} if none is.

        - `selected` [L, k]: mask of the accepted models
        - `alpha`: a; or `uniform`: a = 1 / (1 + the number selected), the mean of these and the own model
        - `fallback` [L]: passed on to the logs
        """
        count = selected.sum(1, keepdim=True)
        if isinstance(alpha, str):
            weights = selected / (1 + count)
            return Mix(self.combine(weights), selected, weights, fallback)
        weights = (1 - alpha) * selected / count.clamp(min=1)
        # The own weight is exactly alpha. At alpha = 0, 1 minus ten tenths would leave -1e-7 of a diverged model.
        own = torch.where(selected.any(1), alpha, 1.0)
        return Mix(self.combine(weights, own), selected, weights, fallback)

    @cached_property
    def _finite(self) -> Tensor:
        return finite(self.models)

    def _repeated(self, values: Tensor) -> Tensor:
        """Returns the values [m, ...] of the own models, for all copies of the learners: [L, ...], a view of one copy."""
        first = values[: len(self.rows) // self.copies]
        return first if self.copies == 1 else first.repeat(self.copies, *[1] * (first.ndim - 1))
