"""No attack."""

from typing import ClassVar

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView


class NoAttack(Attack):
    """Attacks nobody: the nodes that count as Byzantine behave as benign ones.

    They are still drawn, and still left out of the accuracy. So a run can be compared in pairs with an attacked one.

    **Knows** its own data alone.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    follows_protocol: ClassVar[bool] = True

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        return state, Messages.by_attacker(view.own, view)
