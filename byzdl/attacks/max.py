"""Max: every coordinate beyond the benign ones, on the other side."""

from typing import ClassVar

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView


class Max(Attack):
    """Sends minus the coordinate-wise maximum of all benign models x^{t+1/2} (eq. 8).

    >>> import torch
    >>> import byzdl
    >>> benign = torch.tensor([[1.0, -5.0], [-2.0, -3.0]])
    >>> byzdl.attack(Max(), benign, byzantine=1).models[0, 0]
    tensor([-1.,  3.])

    **Knows** all benign models.

    **Source:** S. Masuda, K. Shudo, *Loss Based Byzantine Resilience for Decentralized Learning*, eq. 8.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        return state, Messages.same(-view.benign.amax(0), view)
