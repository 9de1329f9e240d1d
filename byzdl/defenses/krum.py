"""Krum's scores and selection: for D_Krum, Multi-Krum and Bulyan."""

import torch
from torch import Tensor

from byzdl.vectors.selection import smallest, tied_ranks


def best(squared: Tensor, among: Tensor, count: Tensor, most: Tensor | int) -> Tensor:
    """Selects the `most` candidates of least Krum score: a mask [L, k].

    Scores that agree in nine digits tie, and ties go to the left. For the arguments, see `scores`.

    >>> squared = torch.tensor([[[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]]])
    >>> best(squared, torch.ones(1, 3, dtype=torch.bool), torch.tensor([2]), most=1)
    tensor([[False,  True, False]])
    """
    return smallest(tied_ranks(scores(*by_distance(squared, among), among, count)), most, among)


def by_distance(squared: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Sorts the candidates by their distance to each candidate: squared distances and columns, each [L, k, k].

    All others come last, with the distance 0, which adds nothing to a sum: the candidate itself, and what is no candidate.

    >>> squared = torch.tensor([[[0.0, 9.0, 1.0], [9.0, 0.0, 4.0], [1.0, 4.0, 0.0]]])
    >>> by_distance(squared, torch.ones(1, 3, dtype=torch.bool))
    (tensor([[[1., 9., 0.],
             [4., 9., 0.],
             [1., 4., 0.]]]), tensor([[[2, 1, 0],
             [2, 0, 1],
             [0, 1, 2]]]))
    """
    others = among[:, :, None] & among[:, None, :]
    others.diagonal(dim1=1, dim2=2).fill_(False)
    # NaN sorts last.
    distances, columns = squared.masked_fill(~others, torch.nan).sort(dim=2)
    return distances.nan_to_num_(nan=0.0, posinf=torch.inf), columns


def scores(distances: Tensor, columns: Tensor, among: Tensor, count: Tensor) -> Tensor:
    """Computes Krum's score of every candidate [L, k]; +infinity for all others.

    The score of j is the sum of its squared distances to the `count` nearest other candidates, or to all others if
    there are fewer.

    - `distances`, `columns` [L, k, k]: from `by_distance`, for these candidates and maybe more
    - `among` [L, k]: mask of the candidates
    - `count` [L]: number of nearest others in the sum

    >>> squared = torch.tensor([[[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]]])
    >>> among = torch.ones(1, 3, dtype=torch.bool)
    >>> scores(*by_distance(squared, among), among, count=torch.tensor([2]))
    tensor([[10.,  5., 13.]])
    """
    counted = among[:, None].expand_as(columns).gather(2, columns)
    counted &= counted.cumsum(2) <= count[:, None, None]
    return torch.where(counted, distances, 0.0).sum(2).masked_fill_(~among, torch.inf)
