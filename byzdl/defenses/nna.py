"""MoNNA's aggregation: the mean of the nearest neighbours."""

from typing import ClassVar

from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.selection import smallest


class Nna(Tolerant):
    """The mean of the |N_i| + 1 - f models nearest to the own one, which is one of them.

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours, few beside |N_i|. Where |N_i| <= f nothing is mixed in, which
    run.json and the log say. A model that is not finite is farther than any other, and never mixed in.

    **Source:** S. Farhadkhani et al., *Robust collaborative learning with linear gradient overhead* (ICML
    2023), nearest-neighbour averaging. There gradients enter by an exponential average (momentum times
    1 - beta), which is `optimizer.average=true` here; the heavy ball that is the default is the same up to the learning rate's scale.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "there nothing is mixed in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        near = smallest(inbox.distances(), inbox.degree - self.tolerated(inbox), among=inbox.valid)
        weights = near / (1 + near.sum(1, keepdim=True))
        return state, Mix(inbox.combine(weights), near, weights)
