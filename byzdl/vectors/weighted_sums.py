"""Weighted sums of models."""

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_sums(models: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Computes b weighted sums [b, d] of models [m, d]: of the rows [b, p], with weights [b, p].

    A model of weight 0 is never read, so a NaN in it cannot spread.

    >>> models = torch.tensor([[1.0, 2.0], [3.0, 4.0], [torch.nan, torch.nan]])
    >>> weighted_sums(models, rows=torch.tensor([[0, 1, 2]]), weights=torch.tensor([[0.5, 0.5, 0.0]]))
    tensor([[2., 3.]])
    """
    weights = weights.to(models.dtype)
    # The model of the largest weight takes the place of each model of weight 0: 0 times NaN would be NaN.
    rows = torch.where(weights != 0, rows, rows.gather(1, weights.abs().argmax(1, keepdim=True)))
    return F.embedding_bag(rows, models, per_sample_weights=weights, mode="sum")
