"""Relocated orthogonal perturbation: a displacement at an angle to the benign update."""

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive, takes
from byzdl.vectors.blocks import excess


class Rop(Attack):
    """Sends the benign mean, displaced at an angle to the benign progress.

    The message is mean + z |u| (sin(angle) p - cos(angle) u / |u|). u is the mean of the benign updates
    x^{t+1/2} - x^t, and p the unit vector orthogonal to u that is nearest to (1, ..., 1).

    >>> import torch
    >>> import byzdl
    >>> before, after = torch.zeros(1, 2), torch.tensor([[2.0, 0.0]])  # u = (2, 0), p = (0, 1)
    >>> byzdl.attack(Rop(z=3.0), after, byzantine=1, previous=before).models[0, 0]
    tensor([2., 6.])

    - `z`: the length of the displacement, in lengths of u
    - `angle`: the angle in degrees. At 90, the displacement is orthogonal to the progress, and hard to see for rules
      that compare directions; at 0, it is the progress reversed

    **Knows** all benign models, after and before their local step.

    **Source:** K. Ozfatura et al., *Byzantines can also learn from history: fall of centered clipping* (IEEE TIFS
    2024), relocated orthogonal perturbation. Deviation: the reference is the mean benign update of the round instead of
    a momentum.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    z: Positive = 1.0
    angle: Annotated[float, takes("degrees in [0, 180]", lambda v: 0 <= v <= 180)] = Field(default=90.0)

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        mean = view.benign.mean(0)
        update = mean - view.previous.mean(0)
        divisor = excess(update)  # keeps the squares of huge values finite
        length = (update / divisor).norm() * divisor
        along = torch.where(length > 0, update / length, 0.0)
        across = 1 - along.sum() * along
        across = across / across.norm().clamp(min=1e-30)
        radians = math.radians(self.angle)
        return state, Messages.same(
            mean + self.z * length * (math.sin(radians) * across - math.cos(radians) * along), view
        )
