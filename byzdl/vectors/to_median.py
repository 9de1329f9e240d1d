"""Distances and cosines to the coordinate-wise median."""

import torch
from torch import Tensor

from byzdl.vectors.blocks import gathered
from byzdl.vectors.sorting import ascending


def to_median(models: Tensor, rows: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Computes, of each x_j in a row of `rows` [L, k], the distance and the cosine to the median of these: each [L, k].

    The median is that of each coordinate; of an even number of values, the mean of the middle two. Results are float64,
    and without a meaning where not `among`. A cosine with a vector of norm 0 is 0.

    - `among` [L, k]: mask of the models that count

    >>> models = torch.tensor([[3.0, 0.0], [0.0, 4.0], [3.0, 4.0]])
    >>> distances, cosines = to_median(models, torch.tensor([[0, 1, 2]]), torch.ones(1, 3, dtype=torch.bool))
    >>> distances, cosines  # the median is (3, 4)
    (tensor([[4., 3., 0.]], dtype=torch.float64), tensor([[0.6000, 0.8000, 1.0000]], dtype=torch.float64))
    """
    if rows.shape[1] == 0:
        return torch.zeros_like(rows, dtype=torch.float64), torch.zeros_like(rows, dtype=torch.float64)
    squared, products, norms = torch.zeros(3, *rows.T.shape, dtype=torch.float64, device=models.device)
    middle_norms = norms.new_zeros(len(rows))
    count = among.sum(1)
    low, high = (count - 1).clamp(min=0) // 2, (count // 2).clamp(max=rows.shape[1] - 1)
    for learners, _, values in gathered(models, rows, among):
        ranked = torch.stack(list(ascending(values.clone())))
        lower, upper = (
            ranked.gather(0, rank[learners][None, :, None].expand(1, -1, ranked.shape[2])).double()
            for rank in (low, high)
        )
        middle = (lower + upper) / 2
        exact = values.double()
        products[:, learners] += (exact * middle).sum(2)
        norms[:, learners] += exact.square().sum(2)
        middle_norms[learners] += middle.square().sum((0, 2))
        squared[:, learners] += exact.sub_(middle).square_().sum(2)
    both = (norms * middle_norms).sqrt()
    cosines = torch.where(both > 0, products / both, 0.0)
    return squared.sqrt().T, cosines.T
