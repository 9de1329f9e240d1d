"""A fault: models as before any training."""

from typing import ClassVar

import torch

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView


class RandomModel(Attack):
    """Sends a freshly initialised model: nodes that lost theirs, and start anew in each round.

    Each faulty node draws its own model, new in every round, as the network in use draws its parameters. It sends the
    same one to all its neighbours.

    A network is built for each faulty node in each round. In `byzdl.attack`, which has none, parameters are standard
    normal.

    **Knows** the network in use.

    **Source:** none; a fault that every defense should survive.
    """

    equivariant: ClassVar[tuple[str, ...]] = ()

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        models = [view.fresh(attacker) for attacker in range(view.byzantine)]
        return state, Messages.by_attacker(torch.stack(models) if models else view.benign[:0], view)
