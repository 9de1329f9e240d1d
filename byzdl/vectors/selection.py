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
    known = values.nan_to_num(nan=torch.inf, posinf=torch.inf, neginf=-torch.inf)
    order = known.masked_fill_(~among, torch.nan).argsort(dim=1, stable=True)
    limit = count[:, None] if isinstance(count, Tensor) else count
    first = torch.arange(values.shape[1], device=values.device) < limit
    return torch.empty_like(among).scatter_(1, order, first.expand_as(among)) & among


def tied_ranks(values: Tensor) -> Tensor:
    """Ranks non-negative values within their row [L, k]. Values that agree in nine digits have the same rank.

    The scores of equal models differ in their last digits. By these ranks they tie, and `smallest` takes the left one.

    >>> tied_ranks(torch.tensor([[5.0, 2.0, 2.0 + 1e-12]], dtype=torch.float64))
    tensor([[1., 0., 0.]], dtype=torch.float64)
    """
    ranked, order = values.sort(dim=1)
    above = ranked[:, 1:] > (1 + 1e-9) * ranked[:, :-1]
    return torch.zeros_like(values).scatter_(1, order[:, 1:], above.cumsum(1).to(values.dtype))
