"""Perturbation at an angle to the benign update."""

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.config.types import Positive, takes
from byzdl.vectors.blocks import excess


class Rop(Attack):
    """The benign mean, displaced at an angle to the benign progress: mean + z |u| (sin(angle) p - cos(angle) u / |u|).

    u is the mean of the benign updates x^{t+1/2} - x^t, and p the unit vector orthogonal to u that is nearest to (1, ..., 1).

    - `z`: how far, in lengths of u
    - `angle`: degrees; at 90 the displacement is orthogonal to the progress, and hard to see for rules that
      compare directions; at 0 it is the progress reversed

    **Knows** all benign models, after and before their local step.

    **Source:** K. Ozfatura et al., *Byzantines can also learn from history: fall of centered clipping* (IEEE TIFS 2024),
    relocated orthogonal perturbation. Deviation: the reference is the mean benign update of the round instead of a momentum.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    z: Positive = 1.0
    angle: Annotated[float, takes("degrees in [0, 180]", lambda v: 0 <= v <= 180)] = Field(default=90.0)

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        mean = view.benign.mean(0)
        update = mean - view.previous.mean(0)
        over = excess(update)
        length = (update / over).norm() * over
        along = torch.where(length > 0, update / length, 0.0)
        across = 1 - along.sum() * along
        across = across / across.norm().clamp(min=1e-30)
        radians = math.radians(self.angle)
        return state, Messages.same(
            mean + self.z * length * (math.sin(radians) * across - math.cos(radians) * along), view
        )
