"""Noise instead of a model."""

from typing import ClassVar

import torch

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.config.types import Positive


class Gaussian(Attack):
    """The mean of all benign models x^{t+1/2} plus independent noise N(0, s^2) in every coordinate.

    - `std`: s; 200 as in the codes that attack gradients

    Each attacker draws its own noise, every round anew, and sends it to all of its neighbours.

    **Knows** all benign models.

    **Source:** P. Blanchard et al., *Machine learning with adversaries* (NeurIPS 2017), around the benign mean.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation",)

    std: Positive = 200.0

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        mean = view.benign.mean(0)
        noise = torch.from_numpy(view.stream().standard_normal((view.byzantine, len(mean)), dtype="float32"))
        return state, Messages.by_attacker(mean + self.std * noise.to(mean.device), view)
