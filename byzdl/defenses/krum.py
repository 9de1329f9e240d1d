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
    return smallest(tied_ranks(scores(squared, among, count)), most, among)


def scores(squared: Tensor, among: Tensor, count: Tensor) -> Tensor:
    """Computes Krum's score of every candidate [L, k]; +infinity for all others.

    The score of j is the sum of its squared distances to the `count` nearest other candidates, or to all others if
    there are fewer.

    - `squared` [L, k, k]: squared distances between candidates; other entries are ignored
    - `among` [L, k]: mask of the candidates
    - `count` [L]: number of nearest others in the sum

    >>> squared = torch.tensor([[[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]]])
    >>> scores(squared, torch.ones(1, 3, dtype=torch.bool), torch.tensor([2]))
    tensor([[10.,  5., 13.]])
    """
    k = among.shape[1]
    itself = torch.eye(k, dtype=torch.bool, device=among.device)
    others = among[:, :, None] & among[:, None, :] & ~itself
    nearest = torch.where(others, squared, torch.nan).sort(dim=2).values
    counted = torch.arange(k, device=among.device) < count[:, None]
    # NaN marks missing candidates. It sorts last, and adds nothing.
    score = torch.where(counted[:, None, :] & ~nearest.isnan(), nearest, 0.0).sum(2)
    return torch.where(among, score, torch.inf)
