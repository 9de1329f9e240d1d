"""Min-Sum: no farther from the benign models in sum than the farthest of them."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.attacks.hidden import Hidden


class MinSum(Hidden):
    """mean + gamma p: the sum of squared distances to the benign models is at most the largest such sum of a benign one.

    - `direction`: p, see `Hidden`; sigma is the population's

    **Knows** all benign models.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), Min-Sum.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def largest(self, a: Tensor, b: Tensor, c: Tensor, squared: Tensor) -> Tensor:
        a, b, excess = len(c) * a, b.sum(), c.sum() - squared.sum(1).max()
        root = (-b + (b.square() - 4 * a * excess).clamp(min=0).sqrt()) / (2 * a)
        return torch.where(a > 0, root, 0.0).clamp(min=0)
