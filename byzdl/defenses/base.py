"""What a defense is."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from byzdl.exchange import Inbox, Measure, Mix
from byzdl.schema import Component, ConfigError, Natural
from byzdl.topology import Network

# How many models a rule sees of so many neighbours.
Seen = Callable[[int], int]


class Defense(Component):
    """A rule by which every learner mixes the models that it received into its own.

    A rule is a pure function of (state, inbox) to (state, mix); it works on all
    learners at once, [L, k] learners by neighbours. A stateless one is a single method.
    Whatever it must remember is its state: a (named) tuple of tensors, empty by default.

    - `knows_neighbours`: whether that holds something of each neighbour [L, k], who then must not be blended with others
    - `reference`: whether it is a line to compare with, which no pre-step may move
    """

    knows_neighbours: ClassVar[bool] = False
    reference: ClassVar[bool] = False

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


class Tolerant(Defense):
    """A rule that is told how many Byzantine neighbours to tolerate.

    - `f`: an integer, or `known`: the true number of each node's Byzantine neighbours, as the
      literature's simulations grant their baselines. No real node knows it. Where links lose messages
      (`topology.drop`), neighbours are those whose messages arrived, in |N_i| and in what is `known`
    - `needs`, `per_f`: how many neighbours its formula is made for, per_f f + needs, and `otherwise`, what
      it does at nodes with fewer: run.json and the log warn of them
    """

    f: Natural | Literal["known"] = "known"

    needs: ClassVar[int] = 0
    per_f: ClassVar[int] = 1
    otherwise: ClassVar[str] = ""

    @property
    def least(self) -> int:
        """`needs`, of a rule in which it depends on a key."""
        return self.needs

    def check(self, network: Network, validation: float, seen: Seen = int) -> None:
        if isinstance(self.f, int):
            degrees = [(len(network.neighbours[i]), i) for i in network.benign if network.neighbours[i]]
            degree, node = min(degrees, default=(0, None))
            count = seen(degree)
            of = (
                f"the number of neighbours of node {node}"
                if count == degree
                else f"what pre makes of {degree} neighbours"
            )
            if node is not None and self.f >= count:
                raise ConfigError.of(
                    "defense.f",
                    self.f,
                    f"an integer below {count}, {of}, or known",
                )

    def facts(self, network: Network, seen: Seen = int) -> Mapping[str, Any]:
        """The f of every benign node, and a warning of those that have too few neighbours for it, or see too few models of them."""
        byzantine = set(network.byzantine)
        known = {i: len(byzantine.intersection(network.neighbours[i])) for i in network.benign}
        f = known if self.f == "known" else dict.fromkeys(known, self.f)
        few = [str(i) for i in f if 0 < seen(len(network.neighbours[i])) < self.per_f * f[i] + self.least]
        if not few:
            return {"f": f}
        asked = f"{self.per_f if self.per_f > 1 else ''}f + {self.least}"
        where = f"|N_i| < {asked} at {len(few)} of {len(f)} benign nodes ({', '.join(few)})"
        return {"f": f, "warning": f"{self.name}: {where}: {self.otherwise}"}

    def tolerated(self, inbox: Inbox) -> Tensor:
        """f of every learner [L]."""
        if self.f == "known":
            return inbox.infiltrators
        return torch.full_like(inbox.degree, self.f)


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
