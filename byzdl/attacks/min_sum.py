"""Min-Sum: no farther from the benign models, in sum, than the farthest of them."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.attacks.hidden import Hidden


class MinSum(Hidden):
    """Sends the benign mean, displaced as far as the largest sum of squared benign distances allows.

    The message is mean + gamma p. Its sum of squared distances to the benign models is at most the largest such sum of
    a benign model.

    >>> import torch
    >>> import byzdl
    >>> benign = torch.tensor([[0.0], [1.0], [5.0]])  # mean 2
    >>> byzdl.attack(MinSum(direction="sign"), benign, byzantine=1).models[0, 0]  # 1 + 4 + 36 = 25 + 16 + 0
    tensor([-1.])

    The key `direction` of p is that of `Hidden`; sigma is the population's.

    **Knows** all benign models.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), Min-Sum.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def largest(self, a: Tensor, b: Tensor, c: Tensor, squared: Tensor) -> Tensor:
        a, b, constant = len(c) * a, b.sum(), c.sum() - squared.sum(1).max()
        root = (-b + (b.square() - 4 * a * constant).clamp(min=0).sqrt()) / (2 * a)
        return torch.where(a > 0, root, 0.0).clamp(min=0)
