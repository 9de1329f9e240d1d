"""Sums over long vectors, a block of coordinates at a time: in a processor's cache, or within a GPU's memory."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 2**18  # numbers in a block, on a processor
GPU_BLOCK = 2**26  # on a GPU, where few large kernels beat many small ones
LINE = 2**12  # coordinates that are worth a step of their own


def blocks(length: int, width: int, device: torch.device) -> Iterator[slice]:
    """Cut `length` coordinates of `width` numbers each into slices of about as many numbers as suit the device."""
    step = max(1, (GPU_BLOCK if device.type == "cuda" else BLOCK) // max(1, width))
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def differences(models: Tensor, rows: Tensor, origins: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """x_j - x_o of models [m, d], for all j in row i of `rows` [L, k] and o the i-th of `origins` [L].

    float64, in blocks [l, k, c]. Yields which rows i the block belongs to; over all blocks, each difference
    comes once with each coordinate.
    """
    for few in blocks(len(rows), LINE * rows.shape[1], rows.device):
        group = rows[few]
        for columns in blocks(models.shape[1], group.numel(), rows.device):
            part = models[:, columns]
            yield few, part[group].double().sub_(part[origins[few], None])


def gathered(models: Tensor, rows: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """The values x_j of models [m, d], for all j in each row of `rows` [L, k], in blocks [l, k, c].

    Yields which rows and which coordinates the block is of, and the block: a copy.
    """
    for few in blocks(len(rows), LINE * rows.shape[1], rows.device):
        group = rows[few]
        for columns in blocks(models.shape[1], group.numel(), rows.device):
            yield few, columns, models[:, columns][group]


def pairwise_squared(models: Tensor, rows: Tensor) -> Tensor:
    """Squared distances ||x_j - x_k||^2 of models [m, d] for all j, k in each row of `rows` [L, k]: float64 [L, k, k].

    From inner products of centred models: where two are R times nearer to each other than to the
    centre, the relative error is about 1e-16 R^2. Never negative, and to the last bit the same from
    either side. Exactly 0 for the same values, and from R = 1e7 on, where no digit would be right.
    """
    gram = centred_gram(models, rows)
    norms = gram.diagonal(dim1=1, dim2=2)
    both = norms[:, :, None] + norms[:, None, :]
    squared = both - (gram + gram.mT)
    return squared.masked_fill((squared < 1e-14 * both) | (rows[:, :, None] == rows[:, None, :]), 0)


def centred_gram(models: Tensor, rows: Tensor) -> Tensor:
    """Inner products (x_j - c)'(x_k - c) of models [m, d] for all j, k in each row of `rows` [L, k]: float64 [L, k, k].

    The centre c of each row is one of the models, the least of its row or of all, so that none that
    diverged costs the others their digits.
    """
    (m, d), (learners, k) = models.shape, rows.shape
    if k == 0:
        return torch.zeros(learners, 0, 0, dtype=torch.float64, device=models.device)
    # The largest coordinate: a finite model's squares could overflow.
    size = torch.maximum(models.amax(1), -models.amin(1)).nan_to_num(nan=math.inf, posinf=math.inf)
    # In a small network most pairs meet somewhere: one table of all is cheaper than one a learner.
    if m * m <= 8 * learners * k * k:
        table = torch.zeros(m, m, dtype=torch.float64, device=models.device)
        centre = size.argmin(0, keepdim=True)
        for columns in blocks(d, m, models.device):
            part = models[:, columns].double()
            part -= part[centre]
            table.addmm_(part, part.T)
        gram = table[rows[:, :, None], rows[:, None, :]]
    else:
        gram = torch.zeros(learners, k, k, dtype=torch.float64, device=models.device)
        centres = rows.gather(1, size[rows].argmin(1, keepdim=True))[:, 0]
        for few, difference in differences(models, rows, centres):
            gram[few].baddbmm_(difference, difference.mT)
    return gram


def squared_to_mean(gram: Tensor, shares: Tensor) -> Tensor:
    """Squared distances [L, p] of p models to their mean by `shares` [L, p], from inner products [L, p, p] around any centre."""
    toward = (gram @ shares[:, :, None])[:, :, 0]
    squared = gram.diagonal(dim1=1, dim2=2) - 2 * toward + (shares * toward).sum(1, keepdim=True)
    return squared.clamp(min=0)


def finite(models: Tensor) -> Tensor:
    """Whether every value of each model [m, d] is finite [m]."""
    # In one pass: what is not finite stays so in a sum, and what is cannot overflow in this one.
    return (models @ models.new_full((models.shape[1],), 2.0**-100)).isfinite()


def excess(models: Tensor) -> Tensor:
    """What to divide models by so that products of two of their values are finite: 1, unless they are huge.

    So that nothing changes where they are not, to the last bit.
    """
    return (models.abs().amax() / 2.0**60).clamp(min=1.0)


def consensus_distance(models: Tensor, rows: Tensor) -> float:
    """(1/h) sum_i ||x_i - mean||^2 over some rows [h] of models [m, d]."""
    h, d = len(rows), models.shape[1]
    total = 0.0
    for columns in blocks(d, h, models.device):
        part = models[:, columns][rows].double()
        part -= part[0].clone()  # first, so that equal models are at a distance of exactly 0
        total += (part - part.mean(0)).square_().sum().item()
    return total / h
