"""Weighted sums of models."""

import torch
import torch.nn.functional as F
from torch import Tensor


def weighted_sums(models: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """Sums of models [m, d], by `rows` [b, p], with weights [b, p]: [b, d]. What has no weight is not touched."""
    weights = weights.to(models.dtype)
    # What weighs most stands in for what weighs nothing.
    rows = torch.where(weights != 0, rows, rows.gather(1, weights.abs().argmax(1, keepdim=True)))
    return F.embedding_bag(rows, models, per_sample_weights=weights, mode="sum")
