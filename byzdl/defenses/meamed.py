"""Meamed: the mean around the median of each coordinate."""

from typing import ClassVar

import torch

from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.near_median import near_median


class Meamed(Tolerant):
    """Averages, per coordinate, the |N_i| + 1 - f values nearest to their median.

    The values are those of the received models and the own model (N_i and i). For an even number of values, the median
    is the mean of the middle two. Of two values equally near to it, the smaller one counts.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[1.0], [2.0], [4.0], [90.0]])])
    >>> Meamed(f=2).aggregate((), inbox)[1].models  # the median is 2; of 0 and 4, the smaller one counts
    tensor([[1.]])

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 2f; run.json and the log warn of nodes with fewer. A non-finite model
    is in no median, and counts as one of the f. A node with a non-finite own model keeps it.

    **Source:** C. Xie, O. Koyejo, I. Gupta, *Generalized Byzantine-tolerant SGD* (2018, arXiv 1802.10116), mean around
    median, applied to models in place of gradients.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "at these nodes the median may be an attacker's"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        size = (inbox.degree + 1 - self.tolerated(inbox)).clamp(min=1)
        means = near_median(inbox.models, inbox.pool, inbox.members, size)
        mixes = inbox.members[:, 0] & inbox.valid.any(1)
        return state, Mix(torch.where(mixes[:, None], means, inbox.own))
