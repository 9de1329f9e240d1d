"""What Min-Max and Min-Sum share: as far away as the benign nodes are from one another."""

from typing import Literal

import torch
from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.vectors.blocks import excess, pairwise_squared


class Hidden(Attack):
    """mean + gamma p of the benign models x^{t+1/2}, with the largest gamma that a bound on distances allows.

    The bound is a quadratic in gamma, and gamma its larger root.

    - `direction`: p = -sigma (`std`, coordinate-wise, the population's), -mean / ||mean|| (`unit`) or -sign(mean) (`sign`)

    **Knows** all benign models.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), on gradients; carried over to
    models. Deviation: they search gamma in halving steps, here it is exact to rounding.
    """

    direction: Literal["std", "unit", "sign"] = "std"

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        models = view.benign
        sigma, mean = torch.std_mean(models, dim=0, correction=0)
        over = excess(models)
        unit = mean / ((mean / over).norm() * over).clamp(min=1e-30)
        p = -{"std": sigma, "unit": unit, "sign": mean.sign()}[self.direction]
        squared = pairwise_squared(models, torch.arange(len(models), device=models.device)[None])[0]
        # ||mean + gamma p - x_j||^2 = c_j + gamma b_j + gamma^2 a
        a = p.double().square().sum()
        c = squared.mean(1) - squared.mean() / 2  # ||x_j - mean||^2, from pairs alone
        products = torch.stack([(p / over * ((mean - x) / over)).double().sum() for x in models])
        b = 2 * products * over.double().square()
        gamma = self.largest(a, b, c, squared)
        return state, Messages.same(mean + gamma.to(mean.dtype) * p, view)

    def largest(self, a: Tensor, b: Tensor, c: Tensor, squared: Tensor) -> Tensor:
        """gamma, from ||mean + gamma p - x_j||^2 = c_j + gamma b_j + gamma^2 a and the squared distances [h, h]."""
        raise NotImplementedError
