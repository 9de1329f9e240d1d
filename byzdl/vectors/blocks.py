"""Sums over long vectors, one block of coordinates at a time.

A block fits in a processor's cache, or in a GPU's memory.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from byzdl.vectors.waiting import waits

BLOCK = 2**18  # numbers in a block, on a processor
GPU_BLOCK = 2**26  # numbers in a block, on a GPU: few large kernels beat many small ones
LINE = 2**12  # coordinates in a block: with fewer, the cost of a step outweighs its work
SORTED = 2**20  # numbers in a block that is to be sorted, on a processor: a comparison takes two of its rows only
WIDTH = 2**13  # coordinates in such a block
GPU_WIDTH = 2**20  # the same on a GPU


def blocks(length: int, width: int, device: torch.device) -> Iterator[slice]:
    """Cuts `length` coordinates into slices, each a block of numbers that suits the device.

    - `width`: numbers per coordinate

    >>> list(blocks(10, 2**16, torch.device("cpu")))
    [slice(0, 4, None), slice(4, 8, None), slice(8, 10, None)]
    """
    return _slices(length, (GPU_BLOCK if device.type == "cuda" else BLOCK) // max(1, width))


def _slices(length: int, step: int) -> Iterator[slice]:
    step = max(1, step)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def differences(models: Tensor, rows: Tensor, origins: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yields the differences x_j - x_o of models [m, d], in blocks [l, k, c] of float64.

    j runs over row i of `rows` [L, k], and o is the i-th of `origins` [L]. Each block comes with the slice of its l rows.
    Over all blocks, each coordinate of each difference comes once.

    >>> models = torch.tensor([[1.0, 1.0], [3.0, 4.0]])
    >>> list(differences(models, rows=torch.tensor([[1]]), origins=torch.tensor([0])))
    [(slice(0, 1, None), tensor([[[2., 3.]]], dtype=torch.float64))]
    """
    for some in blocks(len(rows), LINE * rows.shape[1], rows.device):
        for columns in blocks(models.shape[1], rows[some].numel(), rows.device):
            yield some, _difference(models[:, columns], rows[some], origins[some, None])


def _difference(values: Tensor, rows: Tensor, origins: Tensor) -> Tensor:
    return copied(values, rows).double().sub_(copied(values, origins).double())


def squared_distances(models: Tensor, rows: Tensor, origins: Tensor, copies: int = 1) -> Tensor:
    """Computes ||x_j - x_o||^2 of models [m, d], for all j in row i of `rows` [L, k] and the i-th o of `origins` [L].

    The result is float64 [L, k].

    - `copies`: T. The rows are T copies of some learners, which hear many of the same models in each. On a processor, each
      distinct pair is computed once. It has the same bits as in one copy by itself, whose sums are in the same blocks

    >>> models = torch.tensor([[1.0, 1.0], [3.0, 4.0]])
    >>> squared_distances(models, rows=torch.tensor([[1, 0]]), origins=torch.tensor([0]))
    tensor([[13.,  0.]], dtype=torch.float64)
    """
    squared = torch.zeros(rows.shape, dtype=torch.float64, device=rows.device)
    if copies == 1 or waits(rows):
        for some, difference in differences(models, rows, origins):
            squared[some] += difference.square_().sum(2)
        return squared
    learners, k = len(rows) // copies, rows.shape[1]
    pairs = (rows * len(models) + origins[:, None]).view(copies, learners, k)
    for some in blocks(learners, LINE * k, rows.device):
        distinct, place = torch.unique(pairs[:, some], return_inverse=True)
        total = squared.new_zeros(len(distinct))
        for columns in blocks(models.shape[1], pairs[0, some].numel(), rows.device):
            for few in blocks(len(distinct), columns.stop - columns.start, rows.device):
                pair = distinct[few]
                difference = _difference(models[:, columns], pair // len(models), pair % len(models))
                total[few] += difference.square_().sum(1)
        squared.view(copies, learners, k)[:, some] = total[place]
    return squared


def gathered(models: Tensor, rows: Tensor, among: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yields the values x_j of models [m, d], for all j in each row of `rows` [L, k], in blocks [k, l, c].

    Each block is a copy. It comes with the slice of its l rows and the slice of its c coordinates.

    - `among` [L, k]: mask of the wanted values. In place of the others comes the largest finite number: it sorts last, and
      0 times it is 0

    >>> models = torch.tensor([[1.0, 1.0], [3.0, 4.0]])
    >>> list(gathered(models, rows=torch.tensor([[1]]), among=torch.tensor([[True]])))
    [(slice(0, 1, None), slice(0, 2, None), tensor([[[3., 4.]]]))]
    """
    d, k = models.shape[1], rows.shape[1]
    width = min(d, GPU_WIDTH if models.is_cuda else WIDTH)
    wanted = torch.where(among, rows, len(models)).T
    for columns in _slices(d, width):
        values = F.pad(models[:, columns], (0, 0, 0, 1), value=torch.finfo(models.dtype).max)
        for some in _slices(len(rows), (GPU_BLOCK if models.is_cuda else SORTED) // max(1, width * k)):
            yield some, columns, copied(values, wanted[:, some])


def copied(values: Tensor, rows: Tensor) -> Tensor:
    """Copies `values[rows]` [l, k, c] of values [m, c], in half the time of that expression.

    >>> copied(torch.tensor([[1.0, 1.0], [3.0, 4.0]]), rows=torch.tensor([[1]]))
    tensor([[[3., 4.]]])
    """
    return values.index_select(0, rows.flatten()).view(*rows.shape, values.shape[1])


def pairwise_squared(models: Tensor, rows: Tensor) -> Tensor:
    """Computes squared distances ||x_j - x_k||^2 of models [m, d], for all j, k in each row of `rows` [L, k].

    The result is float64 [L, k, k], from inner products of centred models. The relative error is about 1e-16 R^2 for
    two models R times nearer to each other than to the centre.

    Squared distances are never negative, and symmetric to the last bit. They are exactly 0 between equal models, and
    from R = 1e7 on, where no digit would be right.

    >>> models = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])
    >>> pairwise_squared(models, rows=torch.tensor([[0, 1], [1, 2]]))
    tensor([[[ 0., 25.],
             [25.,  0.]],
            [[ 0., 16.],
             [16.,  0.]]], dtype=torch.float64)
    """
    gram = centred_gram(models, rows)
    norms = gram.diagonal(dim1=1, dim2=2)
    both = norms[:, :, None] + norms[:, None, :]
    squared = both - (gram + gram.mT)
    return squared.masked_fill((squared < 1e-14 * both) | (rows[:, :, None] == rows[:, None, :]), 0)


def centred_gram(models: Tensor, rows: Tensor) -> Tensor:
    """Computes inner products (x_j - c)'(x_k - c) of models [m, d], for all j, k in each row of `rows` [L, k].

    The result is float64 [L, k, k]. The centre c is the smallest model by its largest coordinate, of the row or of all
    models. A diverged model is no centre, so it costs the others no digits.

    >>> models = torch.tensor([[1.0, 1.0], [4.0, 1.0], [1.0, 3.0]])
    >>> centred_gram(models, rows=torch.tensor([[0, 1, 2]]))
    tensor([[[0., 0., 0.],
             [0., 9., 0.],
             [0., 0., 4.]]], dtype=torch.float64)
    """
    (m, d), (learners, k) = models.shape, rows.shape
    if k == 0:
        return torch.zeros(learners, 0, 0, dtype=torch.float64, device=models.device)
    # By the largest coordinate, since a finite model's squares could overflow.
    size = torch.maximum(models.amax(1), -models.amin(1)).nan_to_num(nan=math.inf, posinf=math.inf)
    # In a small network most pairs meet at some learner: one table of all pairs is cheaper than one per learner.
    if m * m <= 8 * learners * k * k:
        table = torch.zeros(m, m, dtype=torch.float64, device=models.device)
        centre = size.argmin(0, keepdim=True)
        for columns in blocks(d, m, models.device):
            values = models[:, columns].double()
            values -= values[centre]
            table.addmm_(values, values.T)
        gram = table[rows[:, :, None], rows[:, None, :]]
    else:
        gram = torch.zeros(learners, k, k, dtype=torch.float64, device=models.device)
        centres = rows.gather(1, size[rows].argmin(1, keepdim=True))[:, 0]
        for part, difference in differences(models, rows, centres):
            gram[part].baddbmm_(difference, difference.mT)
    return gram


def squared_to_mean(gram: Tensor, shares: Tensor) -> Tensor:
    """Computes squared distances [L, p] of p models to their weighted mean.

    - `gram` [L, p, p]: inner products of the models around any centre
    - `shares` [L, p]: the mean's weights, which sum to 1

    >>> models = torch.tensor([[0.0], [2.0]])
    >>> squared_to_mean((models @ models.T)[None], shares=torch.tensor([[0.5, 0.5]]))
    tensor([[1., 1.]])
    """
    toward = torch.bmm(gram, shares[:, :, None])[:, :, 0]
    squared = torch.sub(gram.diagonal(dim1=1, dim2=2), toward, alpha=2) + (shares * toward).sum(1, keepdim=True)
    return squared.clamp_(min=0)


def finite(models: Tensor) -> Tensor:
    """Checks of each model [m, d] that every value is finite [m].

    >>> finite(torch.tensor([[1.0, 2.0], [1.0, torch.nan]]))
    tensor([ True, False])
    """
    # In one pass: a non-finite value stays so in a sum, and this sum of finite values cannot overflow.
    return (models @ models.new_full((models.shape[1],), 2.0**-100)).isfinite()


def excess(models: Tensor) -> Tensor:
    """Computes a divisor of models that makes products of two of their values finite.

    It is exactly 1 unless values are huge (above 2^60). Other models therefore stay the same to the last bit.

    >>> excess(torch.tensor([[1.0, -3.0]])), excess(torch.tensor([[2.0**100]])).log2()
    (tensor(1.), tensor(40.))
    """
    return (models.abs().amax() / 2.0**60).clamp(min=1.0)


def consensus_distance(models: Tensor, rows: Tensor) -> float:
    """Computes (1/h) sum_i ||x_i - mean||^2 over some rows [h] of models [m, d].

    >>> consensus_distance(torch.tensor([[0.0], [2.0], [9.0]]), rows=torch.tensor([0, 1]))
    1.0
    """
    h, d = len(rows), models.shape[1]
    total = 0.0
    for columns in blocks(d, h, models.device):
        values = models[:, columns][rows].double()
        values -= values[0].clone()  # so that equal models are at a distance of exactly 0
        total += (values - values.mean(0)).square_().sum().item()
    return total / h
