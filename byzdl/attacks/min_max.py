"""Min-Max: no farther from any benign model than these are from one another."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.attacks.hidden import Hidden


class MinMax(Hidden):
    """mean + gamma p: the largest distance to a benign model is at most the largest between two benign ones.

    - `direction`: p, see `Hidden`; sigma is the population's

    **Knows** all benign models.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), Min-Max.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def largest(self, a: Tensor, b: Tensor, c: Tensor, squared: Tensor) -> Tensor:
        # Every benign model's quadratic has its larger root; the least of them holds for all.
        excess = c - squared.max()
        roots = (-b + (b.square() - 4 * a * excess).clamp(min=0).sqrt()) / (2 * a)
        return torch.where(a > 0, roots.min(), 0.0).clamp(min=0)
