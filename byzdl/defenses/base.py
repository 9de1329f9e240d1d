"""What a defense is."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from byzdl.defenses.tolerance import Seen, Tolerance
from byzdl.exchange import Inbox, Measure, Mix
from byzdl.schema import Component
from byzdl.topology import Network


class Defense(Component):
    """A rule by which every learner mixes the models that it received into its own.

    A rule is a pure function of (state, inbox) to (state, mix); it works on all
    learners at once, [L, k] learners by neighbours. A stateless one is a single method.
    Whatever it must remember is its state: a (named) tuple of tensors, empty by default.

    - `knows_neighbours`: whether that holds something of each neighbour [L, k], who then must not be blended with others
    """

    knows_neighbours: ClassVar[bool] = False

    def check(self, network: Network, validation: float, seen: Seen = int) -> None:
        """Refuse, with a `ConfigError`, a (first) graph or a hold-out on which the rule's preconditions fail.

        - `seen`: how many models the rule sees of so many neighbours: fewer where a pre-step regroups them
        """

    def facts(self, network: Network, seen: Seen = int) -> Mapping[str, Any]:
        """What run.json should say of the defense on its (first) graph beyond its configuration; a `warning` is logged, too."""
        return {}

    def init(self, learners: int, neighbours: int) -> Any:
        """The state before the first round, of L learners with up to k neighbours.

        What is held [L, k] stays with its neighbour: a column is one node's for the whole run.
        """
        return ()

    def aggregate(self, state: Any, inbox: Inbox) -> tuple[Any, Mix]:
        """The models after the exchange, x^{t+1}."""
        raise NotImplementedError

    def end_epoch(self, state: Any, ended: Tensor, measure: Measure) -> Any:
        """Called after a round in which some learners' epochs ended.

        - `ended` [L]: whose
        - `measure`: `measure("test", "error")` gives these learners' own test errors [L], NaN for the others
        """
        return state

    def thresholds(self, state: Any) -> Tensor | None:
        """theta of every learner [L], for a rule that has one."""
        return None


class Tolerant(Tolerance, Defense):
    """A rule that is told how many Byzantine neighbours to tolerate, see `Tolerance`."""

    group: ClassVar[str] = "defense"

    def check(self, network: Network, validation: float, seen: Seen = int) -> None:
        self.check_f(network, seen)

    def facts(self, network: Network, seen: Seen = int) -> Mapping[str, Any]:
        return self.facts_of_f(network, seen)


def smallest(values: Tensor, count: Tensor | int, among: Tensor) -> Tensor:
    """Mask [L, k] of the `count` [L] smallest values [L, k] of each row, counted only `among` [L, k].

    Ties go to the left; NaN counts as +infinity.
    """
    # NaN sorts behind everything, +infinity included: it stands for what is not asked about.
    known = torch.where(values.isnan(), torch.inf, values)
    order = torch.where(among, known, torch.nan).argsort(dim=1, stable=True)
    rank = order.argsort(dim=1)
    limit = count[:, None] if isinstance(count, Tensor) else count
    return among & (rank < limit)


def levels(values: Tensor) -> Tensor:
    """Ranks of non-negative values within their row [L, k], the same for what agrees in nine digits.

    Equal models get scores that differ in their last digits; by these ranks they tie, and the left one is first.
    """
    ranked, order = values.sort(dim=1)
    # The first is never above the last.
    above = ranked > (1 + 1e-9) * ranked.roll(1, dims=1)
    return torch.zeros_like(values).scatter(1, order, above.cumsum(1).to(values.dtype))
