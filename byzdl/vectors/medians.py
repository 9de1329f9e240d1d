"""The median of some values of each row."""

import torch
from torch import Tensor


def medians(values: Tensor, among: Tensor) -> Tensor:
    """Computes the median of the values [L, k] of each row with a True in `among` [L, k]; 0 without any: [L].

    Of an even number of values, it is the mean of the middle two.

    >>> medians(torch.tensor([[9.0, 1.0, 2.0, 6.0]]), among=torch.tensor([[False, True, True, True]]))
    tensor([2.])
    """
    # A column more, as a row may be empty.
    padded = torch.cat(
        [torch.where(among, values, torch.inf), torch.full_like(values[:, :1].sum(1, True), torch.inf)], 1
    )
    ranked, count = padded.sort(dim=1).values, among.sum(1, keepdim=True)
    middle = (ranked.gather(1, (count - 1).clamp(min=0) // 2) + ranked.gather(1, count // 2)) / 2
    return torch.where(count > 0, middle, 0.0)[:, 0]
