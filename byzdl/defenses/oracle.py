"""Averaging with the truly benign: the ceiling."""

from typing import ClassVar

from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Oracle(Defense):
    """Averages, with equal weights, the own model and those of the truly benign neighbours: the ceiling.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[3.0], [100.0], [6.0]])
    >>> inbox = by_hand(torch.tensor([[0.0]]), [received], byzantine=[[False, True, False]])
    >>> Oracle().aggregate((), inbox)[1].models
    tensor([[3.]])
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")
    reference: ClassVar[bool] = True

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        benign = inbox.valid & ~inbox.truth.byzantine
        weights = benign / (1 + benign.sum(1, keepdim=True))
        return state, Mix(inbox.combine(weights), benign, weights)
