"""Krum's score and what follows from it: for D_Krum, Multi-Krum and Bulyan."""

import torch
from torch import Tensor

from byzdl.vectors.selection import smallest, tied_ranks


def best(squared: Tensor, among: Tensor, count: Tensor, most: Tensor | int) -> Tensor:
    """Mask [L, k] of the `most` candidates of least Krum score; ties, of scores that agree in nine digits, go to the left."""
    return smallest(tied_ranks(scores(squared, among, count)), most, among)


def scores(squared: Tensor, among: Tensor, count: Tensor) -> Tensor:
    """Krum's score of every candidate [L, k], +infinity for who is none.

    The score of j is the sum of its squared distances to the `count` nearest other candidates, to as many as
    there are if these are fewer.

    - `squared` [L, k, k]: squared distances between candidates; anything where one is none
    - `among` [L, k]: who is a candidate
    - `count` [L]: how many nearest others count
    """
    k = among.shape[1]
    itself = torch.eye(k, dtype=torch.bool, device=among.device)
    others = among[:, :, None] & among[:, None, :] & ~itself
    nearest = torch.where(others, squared, torch.nan).sort(dim=2).values
    counted = torch.arange(k, device=among.device) < count[:, None]
    # NaN stands for candidates that do not exist; there is nothing to sum there.
    score = torch.where(counted[:, None, :] & ~nearest.isnan(), nearest, 0.0).sum(2)
    return torch.where(among, score, torch.inf)
