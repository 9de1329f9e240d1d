"""Learning alone: the floor that any defense must beat to be worth its messages."""

from typing import ClassVar

import torch

from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Local(Defense):
    """x_i^{t+1} = x_i^{t+1/2}: never mixes."""

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")
    reference: ClassVar[bool] = True

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        return state, Mix(inbox.own, torch.zeros_like(inbox.present), torch.zeros_like(inbox.metropolis))
