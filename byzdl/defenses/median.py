"""BRIDGE-M: the coordinate-wise median."""

from typing import ClassVar

from byzdl.defenses.base import Defense
from byzdl.defenses.coordinatewise import trimmed_mean
from byzdl.exchange import Inbox, Mix


class Median(Defense):
    """Takes the median of each coordinate over the own and the received models.

    For an even number of values, it is the mean of the middle two.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[1.0, 2.0]]), [torch.tensor([[2.0, 9.0], [50.0, 1.0]])])
    >>> Median().aggregate((), inbox)[1].models
    tensor([[2., 2.]])

    **Assumes** that fewer than half of N_i and i are Byzantine. The rule takes no f. A non-finite model counts as
    absent. A node with a non-finite own model keeps it.

    **Source:** C. Fang, Z. Yang, W. U. Bajwa, *BRIDGE: Byzantine-resilient decentralized gradient descent*
    (IEEE TSIPN 2022), BRIDGE-M. The paper takes the median of the models before the local step, here it is after it.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        return state, Mix(trimmed_mean(inbox, inbox.degree))
