"""Sign flipping: an attacker's own progress, backwards."""

from typing import ClassVar

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive


class SignFlip(Attack):
    """Sends the attacker's own honest update reversed.

    The message is x^t - c (x^{t+1/2} - x^t), of the attacker's own model.

    >>> import torch
    >>> import byzdl
    >>> before, after = torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 0.0]])
    >>> benign = torch.zeros(1, 2)
    >>> byzdl.attack(SignFlip(), benign, byzantine=1, own=after, own_previous=before).models[0, 0]
    tensor([0., 4.])

    - `scale`: c, the strength

    **Knows** its own data alone: it trains and aggregates as benign nodes do.

    **Source:** L. Li et al., *RSA* (AAAI 2019), on gradients; carried over to models.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    scale: Positive = 1.0

    follows_protocol: ClassVar[bool] = True

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        return state, Messages.by_attacker(view.own_previous - self.scale * (view.own - view.own_previous), view)
