"""Sign flipping: one's own progress, backwards."""

from typing import ClassVar

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.config.types import Positive


class SignFlip(Attack):
    """The attacker's own honest update reversed: x^t - c (x^{t+1/2} - x^t) of its own model.

    - `scale`: c

    **Knows** its own data alone: it trains and aggregates as benign nodes do.

    **Source:** L. Li et al., *RSA* (AAAI 2019), on gradients; carried over to models.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    scale: Positive = 1.0

    follows_protocol: ClassVar[bool] = True

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        return state, Messages.by_attacker(view.own_previous - self.scale * (view.own - view.own_previous), view)
