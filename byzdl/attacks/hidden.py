"""The shared part of Min-Max and Min-Sum: as far away as the benign models are from one another."""

from typing import Literal

import torch
from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.vectors.blocks import excess, pairwise_squared
from byzdl.vectors.moments import std_mean


class Hidden(Attack):
    """Sends the benign mean, displaced as far as a bound on distances allows: the base class of two attacks.

    The message is mean + gamma p, over the benign models x^{t+1/2}, with the largest gamma within the bound. The bound
    is a quadratic in gamma, and gamma its larger root.

    - `direction`: the direction p of the displacement. `std`: -sigma, the coordinate-wise standard deviation as a
      population. `unit`: -mean / ||mean||. `sign`: -sign(mean)

    **Knows** all benign models.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), on gradients; carried over to
    models. Deviation: they search gamma in halving steps, here it is exact to rounding.
    """

    direction: Literal["std", "unit", "sign"] = "std"

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        models = view.benign
        sigma, mean = std_mean(models)
        divisor = excess(models)  # keeps the squares of huge values finite
        unit = mean / ((mean / divisor).norm() * divisor).clamp(min=1e-30)
        p = -{"std": sigma, "unit": unit, "sign": mean.sign()}[self.direction]
        squared = pairwise_squared(models, torch.arange(len(models), device=models.device)[None])[0]
        # ||mean + gamma p - x_j||^2 = c_j + gamma b_j + gamma^2 a
        a = p.double().square().sum()
        c = squared.mean(1) - squared.mean() / 2  # ||x_j - mean||^2, from pairs alone
        products = torch.stack([(p / divisor * ((mean - x) / divisor)).double().sum() for x in models])
        b = 2 * products * divisor.double().square()
        gamma = self.largest(a, b, c, squared)
        return state, Messages.same(mean + gamma.to(mean.dtype) * p, view)

    def largest(self, a: Tensor, b: Tensor, c: Tensor, squared: Tensor) -> Tensor:
        """Returns the largest gamma within the bound, where ||mean + gamma p - x_j||^2 = c_j + gamma b_j + gamma^2 a.

        - `a` [], `b` [h], `c` [h]: the coefficients, float64
        - `squared` [h, h]: squared distances between benign models
        """
        raise NotImplementedError
