"""Count sketches: short vectors whose distances are about those of the models."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from byzdl.vectors.blocks import BLOCK, GPU_BLOCK

FEWEST = 4  # models that are sketched at once: with fewer, the cost of a coordinate outweighs its work


def count_sketches(models: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """Computes the count sketches of models [m, d]: float64 [m, size].

    Each coordinate falls into a random bucket of `size`, with a random sign. A sketch holds the signed sum of each
    bucket. Expected squared norms of sketches, and of their differences, are those of the models.

    - `rng`: the source of buckets and signs, the same ones for all models

    >>> sketches = count_sketches(torch.tensor([[3.0, 0.0], [0.0, -4.0]]), size=8, rng=np.random.default_rng(0))
    >>> sketches.norm(dim=1)
    tensor([3., 4.], dtype=torch.float64)

    **Source:** M. Charikar, K. Chen, M. Farach-Colton, *Finding frequent items in data streams* (ICALP 2002).
    """
    d = models.shape[1]
    bucket, sign = rng.integers(0, size, d), rng.integers(0, 2, d) * 2.0 - 1.0
    order = np.argsort(bucket, kind="stable")
    starts = np.searchsorted(bucket[order], np.arange(size))
    # Sums by sorted buckets add in one order on every device; scattered ones would not on a GPU.
    by_bucket, signs, offsets = (torch.from_numpy(part).to(models.device) for part in (order, sign[order], starts))
    sketches = torch.empty(len(models), size, dtype=torch.float64, device=models.device)
    step = max(FEWEST, (GPU_BLOCK if models.is_cuda else BLOCK) // max(1, d))
    for start in range(0, len(models), step):
        some = models[start : start + step].T.double().contiguous()
        sketches[start : start + step] = F.embedding_bag(
            by_bucket, some, offsets, per_sample_weights=signs, mode="sum"
        ).T
    return sketches
