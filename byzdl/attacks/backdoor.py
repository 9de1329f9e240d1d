"""A backdoor: models take images with a trigger for the target, and are right on all others."""

from typing import ClassVar

from byzdl.attacks.messages import Messages
from byzdl.attacks.trigger import Trigger
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive


class Backdoor(Trigger):
    """Trains on images with a trigger and the target's label, and sends the resulting models.

    A share of the training images carries the trigger. In all else, Byzantine nodes follow the protocol. The loss on
    clean images stays low, so a defense that goes by it has nothing to object to.

    - `boost`: the factor on the attacker's own update. The message is x^t + boost (x^{t+1/2} - x^t) of its own model; 1
      sends x^{t+1/2}

    The keys of the trigger, `target`, `size` and `share`, are those of `Trigger`.

    **Knows** its own data alone.

    **Source:** T. Gu et al., *BadNets* (2017); boosting: E. Bagdasaryan et al., *How to backdoor federated learning*
    (AISTATS 2020), model replacement.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    boost: Positive = 1.0

    follows_protocol: ClassVar[bool] = True

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        if self.boost == 1:
            return state, Messages.by_attacker(view.own, view)
        return state, Messages.by_attacker(view.own_previous + self.boost * (view.own - view.own_previous), view)
