"""BRIDGE-T: the coordinate-wise trimmed mean."""

from typing import ClassVar

from byzdl.defenses.base import Tolerant
from byzdl.defenses.coordinatewise import trimmed_mean
from byzdl.exchange import Inbox, Mix


class TrimmedMean(Tolerant):
    """Drops the f largest and f smallest values of each coordinate, and averages the rest.

    The values are those of the received models and the own model (N_i and i).

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[1.0], [2.0], [90.0]])])
    >>> TrimmedMean(f=1).aggregate((), inbox)[1].models
    tensor([[1.5000]])

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 2f + 1. With fewer neighbours, the median is left; run.json and the
    log say so. A non-finite model counts as absent, and f is not reduced for it: an absent sender may have been benign.
    A node with a non-finite own model keeps it.

    **Source:** C. Fang, Z. Yang, W. U. Bajwa, *BRIDGE: Byzantine-resilient decentralized gradient descent* (IEEE
    TSIPN 2022), BRIDGE-T. The paper never drops the own value; here, as in most implementations, it is ranked with
    the others. The paper takes the mean of the models before the local step, here it is after it.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    needs: ClassVar[int] = 1
    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "these nodes take the median"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        return state, Mix(trimmed_mean(inbox, self.tolerated(inbox)))
