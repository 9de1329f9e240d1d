"""Gaussian noise around the benign mean."""

from typing import ClassVar

import torch

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive


class Gaussian(Attack):
    """Sends the benign mean plus independent Gaussian noise in every coordinate.

    The mean is that of all benign models x^{t+1/2}, and the noise is N(0, s^2). Each attacker draws its own noise, new
    in every round, and sends the same model to all its neighbours.

    - `std`: s, the standard deviation of the noise; 200 as in public code that attacks gradients

    **Knows** all benign models.

    **Source:** P. Blanchard et al., *Machine learning with adversaries* (NeurIPS 2017), around the benign mean.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation",)

    std: Positive = 200.0

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        mean = view.benign.mean(0)
        noise = torch.from_numpy(view.stream().standard_normal((view.byzantine, len(mean)), dtype="float32"))
        return state, Messages.by_attacker(mean + self.std * noise.to(mean.device), view)
