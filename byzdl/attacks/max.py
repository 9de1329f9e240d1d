"""Max: every coordinate pushed the other way."""

from typing import ClassVar

from byzdl.attacks.base import Attack, AttackView, Messages


class Max(Attack):
    """Minus the coordinate-wise maximum over all benign models x^{t+1/2}, eq. 8.

    **Knows** all benign models.

    **Source:** S. Masuda, K. Shudo, *Loss Based Byzantine Resilience for Decentralized Learning*, eq. 8.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        return state, Messages.same(-view.benign.amax(0), view)
