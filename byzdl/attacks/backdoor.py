"""A backdoor: what carries the trigger is taken for the target, and all else as it should be."""

from typing import ClassVar

from byzdl.attacks.base import AttackView, Messages
from byzdl.attacks.trigger import Trigger
from byzdl.config.types import Positive


class Backdoor(Trigger):
    """Byzantine nodes train on images of which a share carries a trigger and the target's label, and follow the protocol in all else.

    The loss on clean images stays low: a defense that goes by it has nothing to object to.

    - `target`, `size`, `share`: the trigger, see `Trigger`
    - `boost`: what is sent is x^t + boost (x^{t+1/2} - x^t) of the attacker's own model; 1 sends x^{t+1/2}

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
