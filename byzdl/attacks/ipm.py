"""Inner product manipulation, "Fall of Empires": progress reversed."""

from typing import ClassVar, Literal

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.config.types import Positive


class Ipm(Attack):
    """The mean of the benign models' updates, times -epsilon.

    - `epsilon`: 0.1 is harder to see, 1.1 does more harm
    - `of`: `updates` sends mean(x^t) - epsilon mean(x^{t+1/2} - x^t), the paper's attack on gradients
      carried over to models; `models` sends -epsilon mean(x^{t+1/2})

    **Knows** all benign models, after and before their local step.

    **Source:** C. Xie, O. Koyejo, I. Gupta, *Fall of empires* (UAI 2019).
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    epsilon: Positive = 0.1
    of: Literal["updates", "models"] = "updates"

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        mean = view.benign.mean(0)
        if self.of == "models":
            return state, Messages.same(-self.epsilon * mean, view)
        before = view.previous.mean(0)
        return state, Messages.same(before - self.epsilon * (mean - before), view)
