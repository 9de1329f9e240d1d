"""A fault: nodes that send nothing."""

from typing import ClassVar

import torch

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView


class Silent(Attack):
    """Sends nothing: crashed nodes, from round `start` on.

    A message that is not sent counts as a lost one. In such a round the receiver has no such neighbour, neither in |N_i|
    nor in `f: known`, and its mixing weight goes to the own model.

    In `byzdl.attack`, NaN stands for no message.

    >>> import torch
    >>> import byzdl
    >>> byzdl.attack(Silent(), torch.zeros(1, 2), byzantine=1).models[0, 0]
    tensor([nan, nan])

    **Knows** nothing.

    **Source:** none; a fault that every defense should survive.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    sends: ClassVar[bool] = False

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        nothing = view.after.new_full((len(view.attacker), view.after.shape[1]), torch.nan)  # in a run, of no message
        return state, Messages.by_message(nothing)
