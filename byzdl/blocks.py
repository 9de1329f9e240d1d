"""Sums over long vectors, a block of coordinates at a time: what a block needs stays in the processor's cache."""

from collections.abc import Iterator

from torch import Tensor

BLOCK = 2**18  # numbers in a block
LINE = 2**12  # coordinates that are worth a step of their own


def blocks(length: int, width: int) -> Iterator[slice]:
    """Cut `length` coordinates of `width` numbers each into slices of about `BLOCK` numbers."""
    step = max(1, BLOCK // max(1, width))
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def differences(models: Tensor, rows: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """x_j - x_i of models [m, d] for all j in row i of `rows` [L, k], float64, in blocks [l, k, c].

    Yields which rows i the block belongs to; over all blocks, each difference comes once with each coordinate.
    """
    for few in blocks(len(rows), LINE * rows.shape[1]):
        group = rows[few]
        for columns in blocks(models.shape[1], group.numel()):
            part = models[:, columns]
            yield few, part[group].double().sub_(part[few, None])


def finite(models: Tensor) -> Tensor:
    """Whether every value of each model [m, d] is finite [m]."""
    # NaN is the maximum of whatever holds one.
    return models.amax(1).isfinite() & models.amin(1).isfinite()


def consensus_distance(models: Tensor, rows: Tensor) -> float:
    """(1/h) sum_i ||x_i - mean||^2 over some rows [h] of models [m, d]."""
    h, d = len(rows), models.shape[1]
    total = 0.0
    for columns in blocks(d, h):
        part = models[:, columns][rows].double()
        part -= part[0].clone()  # first, so that equal models are at a distance of exactly 0
        total += (part - part.mean(0)).square_().sum().item()
    return total / h
