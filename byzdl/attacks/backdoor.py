"""A backdoor: what carries the trigger is taken for the target, and all else as it should be."""

from typing import ClassVar

from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.schema import Count, Natural, Positive, Share


class Backdoor(Attack):
    """Byzantine nodes train on images of which a share carries a trigger and the target's label, and follow the protocol in all else.

    The trigger is a square patch in the lower right corner, as bright as the brightest pixel of its image. The loss on
    clean images stays low: a defense that goes by it has nothing to object to. `attack_success_rate` in rounds.csv is the
    share of triggered test images of other classes that the benign models take for the target.

    - `target`: the class
    - `size`: of the patch, pixels a side
    - `share`: of a mini-batch, rounded up
    - `boost`: what is sent is x^t + boost (x^{t+1/2} - x^t) of the attacker's own model; 1 sends x^{t+1/2}

    **Knows** its own data alone.

    **Source:** T. Gu et al., *BadNets* (2017); boosting: E. Bagdasaryan et al., *How to backdoor federated learning*
    (AISTATS 2020), model replacement.
    """

    target: Natural = 0
    size: Count = 3
    share: Share = 0.5
    boost: Positive = 1.0

    follows_protocol: ClassVar[bool] = True

    def poison(self, images: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
        count = -int(-self.share * len(images) // 1)
        images, labels = images.clone(), labels.clone()
        images[:count] = self.stamped(images[:count])
        labels[:count] = self.target % classes
        return images, labels

    def triggered(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, int]:
        return self.stamped(images), labels != self.target, self.target

    def stamped(self, images: Tensor) -> Tensor:
        """Images [b, channels, height, width] with the trigger."""
        images = images.clone()
        images[..., -self.size :, -self.size :] = images.amax((1, 2, 3), keepdim=True)
        return images

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        if self.boost == 1:
            return state, Messages.by_attacker(view.own, view)
        return state, Messages.by_attacker(view.own_previous + self.boost * (view.own - view.own_previous), view)
