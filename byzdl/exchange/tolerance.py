"""What a rule is told of how many Byzantine neighbours to tolerate, and what it says where that is too much."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from byzdl.config.types import Component, ConfigError, Natural, takes
from byzdl.exchange.conditions import Conditions
from byzdl.exchange.inbox import Inbox


class Tolerance(Component):
    """The key `f` of a defense or a pre-step.

    - `f`: an integer, or `known`: the true number of each node's Byzantine neighbours, as the
      literature's simulations grant their baselines. No real node knows it. Where links lose messages
      (`topology.drop`), neighbours are those whose messages arrived, in |N_i| and in what is `known`
    - `group`: whose key it is
    - `needs`, `per_f`: how many neighbours its formula is made for, per_f f + needs, and `otherwise`, what
      it does at nodes with fewer: run.json and the log warn of them
    """

    f: Annotated[Natural | Literal["known"], takes("an integer, at least 0, or known")] = "known"

    group: ClassVar[str]
    needs: ClassVar[int] = 0
    per_f: ClassVar[int] = 1
    otherwise: ClassVar[str] = ""

    @property
    def least(self) -> int:
        """`needs`, of a rule in which it depends on a key."""
        return self.needs

    def check_f(self, conditions: Conditions) -> None:
        """Refuse, with a `ConfigError`, an f that leaves nothing to choose at some node of the (first) graph."""
        network = conditions.network
        if isinstance(self.f, int):
            degrees = [(len(network.neighbours[i]), i) for i in network.benign if network.neighbours[i]]
            degree, node = min(degrees, default=(0, None))
            count = conditions.seen(degree)
            of = (
                f"the number of neighbours of node {node}"
                if count == degree
                else f"what pre makes of {degree} neighbours"
            )
            if node is not None and self.f >= count:
                raise ConfigError.of(f"{self.group}.f", self.f, f"an integer below {count}, {of}, or known")

    def facts_of_f(self, conditions: Conditions) -> Mapping[str, Any]:
        """The f of every benign node, and a warning of those that have too few neighbours for it, or see too few models of them."""
        network, seen = conditions.network, conditions.seen
        byzantine = set(network.byzantine)
        known = {i: len(byzantine.intersection(network.neighbours[i])) for i in network.benign}
        f = known if self.f == "known" else dict.fromkeys(known, self.f)
        degrees = {i: len(network.neighbours[i]) for i in f}
        few = [str(i) for i, degree in degrees.items() if 0 < seen(degree) < self.per_f * f[i] + self.least]
        if not few:
            return {"f": f}
        what = "|N_i|" if all(seen(degree) == degree for degree in degrees.values()) else "models behind the pre-step"
        asked = f"{self.per_f if self.per_f > 1 else ''}f" + (f" + {self.least}" if self.least else "")
        where = f"{what} < {asked} at {len(few)} of {len(f)} benign nodes ({', '.join(few)})"
        return {"f": f, "warning": f"{self.name}: {where}: {self.otherwise}"}

    def tolerated(self, inbox: Inbox) -> Tensor:
        """f of every learner [L]."""
        if self.f == "known":
            return inbox.truth.count
        return torch.full_like(inbox.degree, self.f)
