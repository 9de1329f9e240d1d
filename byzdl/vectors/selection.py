"""The smallest of each row, and ranks in which near-equal values tie."""

import torch
from torch import Tensor


def smallest(values: Tensor, count: Tensor | int, among: Tensor) -> Tensor:
    """Mask [L, k] of the `count` [L] smallest values [L, k] of each row, counted only `among` [L, k].

    Ties go to the left; NaN counts as +infinity.
    """
    # NaN sorts behind everything, +infinity included: it stands for what is not asked about.
    known = torch.where(values.isnan(), torch.inf, values)
    order = torch.where(among, known, torch.nan).argsort(dim=1, stable=True)
    rank = order.argsort(dim=1)
    limit = count[:, None] if isinstance(count, Tensor) else count
    return among & (rank < limit)


def tied_ranks(values: Tensor) -> Tensor:
    """Ranks of non-negative values within their row [L, k], the same for what agrees in nine digits.

    Equal models get scores that differ in their last digits; by these ranks they tie, and the left one is first.
    """
    ranked, order = values.sort(dim=1)
    # The first is never above the last.
    above = ranked > (1 + 1e-9) * ranked.roll(1, dims=1)
    return torch.zeros_like(values).scatter(1, order, above.cumsum(1).to(values.dtype))
