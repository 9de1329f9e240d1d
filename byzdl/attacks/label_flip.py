"""Label flipping: honest training on dishonest labels."""

from typing import ClassVar

from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView


class LabelFlip(Attack):
    """Trains on labels y -> C-1-y and sends the resulting models.

    In a regression, a target becomes as far below the mean of all training targets as it was above. In all else,
    Byzantine nodes follow the protocol.

    **Knows** its own data alone.

    **Source:** the data poisoning of the paper's section I.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    follows_protocol: ClassVar[bool] = True

    def poison(self, inputs: Tensor, targets: Tensor, classes: int | None) -> tuple[Tensor, Tensor]:
        return inputs, classes - 1 - targets if classes else -targets

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        return state, Messages.by_attacker(view.own, view)
