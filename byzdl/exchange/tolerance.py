"""The key `f`, the number of Byzantine neighbours to tolerate, and errors and warnings for an f that is too large."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from torch import Tensor

from byzdl.config.types import Component, ConfigError, Natural, takes
from byzdl.exchange.conditions import Conditions
from byzdl.exchange.inbox import Inbox


class Tolerance(Component):
    """Gives a defense or a pre-step the key `f`: the number of Byzantine neighbours to tolerate.

    >>> from byzdl.exchange import by_hand
    >>> class Rule(Tolerance):
    ...     group = "defense"
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.ones(3, 1)], byzantine=[[False, True, False]])
    >>> Rule(f=2).tolerated(inbox), Rule(f="known").tolerated(inbox)
    (tensor([2]), tensor([1]))

    - `f`: an integer, or `known`: the true number of each node's Byzantine neighbours, as the literature's simulations
      grant their baselines. No real node knows it. With `topology.drop`, only neighbours with a delivered message
      count, in |N_i| and in the `known` number

    Class attributes:

    - `group`: config group of the rule, for its errors
    - `per_f`, `needs`: the rule's formula assumes at least per_f f + needs neighbours
    - `otherwise`: the rule's behaviour at nodes with fewer neighbours; run.json and the log warn of these nodes
    """

    f: Annotated[Natural | Literal["known"], takes("an integer, at least 0, or known")] = "known"

    group: ClassVar[str]
    needs: ClassVar[int] = 0
    per_f: ClassVar[int] = 1
    otherwise: ClassVar[str] = ""

    @property
    def least(self) -> int:
        """`needs`; a rule overrides it if it depends on a key."""
        return self.needs

    def check_f(self, conditions: Conditions) -> None:
        """Refuses an f that leaves a node of the (first) graph nothing to choose.

        **Raises:** `ConfigError`, with the range of f.
        """
        network = conditions.network
        if isinstance(self.f, int):
            degrees = [(len(network.neighbours[i]), i) for i in network.benign if network.neighbours[i]]
            degree, node = min(degrees, default=(0, None))
            count = conditions.seen(degree)
            what = (
                f"the number of neighbours of node {node}"
                if count == degree
                else f"the number of models that pre makes of {degree} neighbours"
            )
            if node is not None and self.f >= count:
                raise ConfigError.of(f"{self.group}.f", self.f, f"an integer below {count}, {what}, or known")

    def facts_of_f(self, conditions: Conditions) -> Mapping[str, Any]:
        """Returns the f of every benign node, and a `warning` if some of them have too few neighbours for it.

        Behind a pre-step the number of models counts, in place of neighbours.
        """
        network, seen = conditions.network, conditions.seen
        byzantine = set(network.byzantine)
        known = {i: len(byzantine.intersection(network.neighbours[i])) for i in network.benign}
        f = known if self.f == "known" else dict.fromkeys(known, self.f)
        degrees = {i: len(network.neighbours[i]) for i in f}
        short = [str(i) for i, degree in degrees.items() if 0 < seen(degree) < self.per_f * f[i] + self.least]
        if not short:
            return {"f": f}
        what = "|N_i|" if all(seen(degree) == degree for degree in degrees.values()) else "models after the pre-step"
        needed = f"{self.per_f if self.per_f > 1 else ''}f" + (f" + {self.least}" if self.least else "")
        where = f"{what} < {needed} at {len(short)} of {len(f)} benign nodes ({', '.join(short)})"
        return {"f": f, "warning": f"{self.name}: {where}: {self.otherwise}"}

    def tolerated(self, inbox: Inbox) -> Tensor:
        """Returns the f of every learner [L]."""
        if self.f == "known":
            return inbox.truth.count
        return torch.full_like(inbox.degree, self.f)
