"""Learning alone: the floor that any defense must beat to be worth its messages."""

from typing import ClassVar

import torch

from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Local(Defense):
    """Keeps the own model and mixes nothing in: learning alone, the floor for every defense.

    x_i^{t+1} = x_i^{t+1/2}. Nodes do not listen, so edges.csv has no row: a message that nobody listens to is not received.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[1.0]]), [torch.tensor([[2.0], [3.0]])])
    >>> Local().aggregate((), inbox)[1].models
    tensor([[1.]])
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")
    reference: ClassVar[bool] = True
    listens: ClassVar[bool] = False

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        return state, Mix(inbox.own, torch.zeros_like(inbox.present), torch.zeros_like(inbox.metropolis))
