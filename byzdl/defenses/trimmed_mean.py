"""BRIDGE-T: the coordinate-wise trimmed mean."""

from typing import ClassVar

from byzdl.defenses.base import Tolerant
from byzdl.defenses.coordinatewise import trimmed_mean
from byzdl.exchange import Inbox, Mix


class TrimmedMean(Tolerant):
    """Per coordinate, drop the f largest and the f smallest values of N_i and i, and average the rest.

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 2f + 1. Where there are fewer, the median is what is left
    of the values, and run.json and the log say so. A model that is not finite counts as absent, and f stays
    what it is: who is absent may have been benign. A node whose own model is not finite keeps it.

    **Source:** C. Fang, Z. Yang, W. U. Bajwa, *BRIDGE: Byzantine-resilient decentralized gradient descent*
    (IEEE TSIPN 2022), BRIDGE-T. There the own value is never dropped; here, as in most code, it is ranked
    with the others. There the mean is taken of the models before the local step, here after it.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    needs: ClassVar[int] = 1
    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "there the median is what is left of the values"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        return state, Mix(trimmed_mean(inbox, self.tolerated(inbox)))
