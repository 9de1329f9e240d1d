"""Inner product manipulation, "Fall of Empires": the benign progress, reversed."""

from typing import ClassVar, Literal

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive


class Ipm(Attack):
    """Sends the benign progress reversed: -epsilon times the mean of the benign updates.

    >>> import torch
    >>> import byzdl
    >>> before, after = torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [6.0]])
    >>> byzdl.attack(Ipm(epsilon=0.5), after, byzantine=1, previous=before).models[0, 0]  # 1 - 0.5 (5 - 1)
    tensor([-1.])

    - `epsilon`: the strength; 0.1 is harder to see, 1.1 does more harm
    - `of`: `updates` sends mean(x^t) - epsilon mean(x^{t+1/2} - x^t), the paper's attack on gradients, carried over to
      models; `models` sends -epsilon mean(x^{t+1/2})

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
