"""Knowing who is benign: the ceiling."""

from typing import ClassVar

from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Oracle(Defense):
    """The uniform mean over the own model and those of the truly benign neighbours."""

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")
    reference: ClassVar[bool] = True

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        benign = inbox.valid & ~inbox.truth.byzantine
        weights = benign / (1 + benign.sum(1, keepdim=True))
        return state, Mix(inbox.combine(weights), benign, weights)
