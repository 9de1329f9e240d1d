"""Min-Max: no farther from any benign model than these are from one another."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.attacks.hidden import Hidden


class MinMax(Hidden):
    """Sends the benign mean, displaced as far as the largest distance between benign models allows.

    The message is mean + gamma p. Its largest distance to a benign model is at most the largest distance between two
    benign models.

    >>> import torch
    >>> import byzdl
    >>> benign = torch.tensor([[0.0], [1.0], [5.0]])  # mean 2
    >>> byzdl.attack(MinMax(direction="sign"), benign, byzantine=1).models[0, 0]  # 5 from the model at 5
    tensor([0.])

    The key `direction` of p is that of `Hidden`; sigma is the population's.

    **Knows** all benign models.

    **Source:** V. Shejwalkar, A. Houmansadr, *Manipulating the Byzantine* (NDSS 2021), Min-Max.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def largest(self, a: Tensor, b: Tensor, c: Tensor, squared: Tensor) -> Tensor:
        # Each benign model bounds gamma by the larger root of its quadratic. The least root respects all bounds.
        constant = c - squared.max()
        roots = (-b + (b.square() - 4 * a * constant).clamp(min=0).sqrt()) / (2 * a)
        return torch.where(a > 0, roots.min(), 0.0).clamp(min=0)
