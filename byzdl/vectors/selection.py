"""The smallest values of each row, and ranks in which near-equal values tie."""

import torch
from torch import Tensor


def smallest(values: Tensor, count: Tensor | int, among: Tensor) -> Tensor:
    """Masks the `count` [L] smallest values [L, k] of each row, among those with a True in `among` [L, k].

    The mask is [L, k]. Ties go to the left; NaN counts as +infinity.

    >>> smallest(torch.tensor([[3.0, 1.0, 2.0, 0.0]]), 2, among=torch.tensor([[True, True, True, False]]))
    tensor([[False,  True,  True, False]])
    """
    # NaN sorts behind everything, +infinity included, so it can mark the values outside of `among`.
    known = torch.where(values.isnan(), torch.inf, values)
    order = torch.where(among, known, torch.nan).argsort(dim=1, stable=True)
    rank = order.argsort(dim=1)
    limit = count[:, None] if isinstance(count, Tensor) else count
    return among & (rank < limit)


def tied_ranks(values: Tensor) -> Tensor:
    """Ranks non-negative values within their row [L, k]. Values that agree in nine digits have the same rank.

    The scores of equal models differ in their last digits. By these ranks they tie, and `smallest` takes the left one.

    >>> tied_ranks(torch.tensor([[5.0, 2.0, 2.0 + 1e-12]], dtype=torch.float64))
    tensor([[1., 0., 0.]], dtype=torch.float64)
    """
    ranked, order = values.sort(dim=1)
    # The first value is compared with the last, and is never above it.
    above = ranked > ranked.roll(1, dims=1).mul_(1 + 1e-9)
    return torch.empty_like(values).scatter_(1, order, above.cumsum(1, dtype=values.dtype))
