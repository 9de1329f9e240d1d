"""BRIDGE-M: the coordinate-wise median."""

from typing import ClassVar

from byzdl.defenses.base import Defense
from byzdl.defenses.coordinatewise import trimmed_mean
from byzdl.exchange import Inbox, Mix


class Median(Defense):
    """Per coordinate, the median over N_i and i; of an even number of values the mean of the middle two.

    **Assumes** that fewer than half of N_i and i are Byzantine. It is told no f. A model that is not finite
    counts as absent. A node whose own model is not finite keeps it.

    **Source:** C. Fang, Z. Yang, W. U. Bajwa, *BRIDGE: Byzantine-resilient decentralized gradient descent*
    (IEEE TSIPN 2022), BRIDGE-M. There the median is taken of the models before the local step, here after it.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        return state, Mix(trimmed_mean(inbox, inbox.degree))
