"""Weights of possibly Byzantine neighbours, in order of distance: for ClippedGossip, CS+ and GTS."""

import torch
from torch import Tensor

from byzdl.exchange import Inbox


def tolerated_weight(inbox: Inbox, f: Tensor) -> Tensor:
    """Computes F [L], the most that f [L] neighbours can weigh by the Metropolis weights, float64.

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.ones(3, 1)], metropolis=[[0.125, 0.5, 0.25]])
    >>> tolerated_weight(inbox, torch.tensor([2]))
    tensor([0.7500], dtype=torch.float64)
    """
    heaviest = (inbox.metropolis.double() * inbox.present).sort(dim=1, descending=True).values
    counted = torch.arange(heaviest.shape[1], device=f.device) < f[:, None]
    return (heaviest * counted).sum(1)


def nearest_first(inbox: Inbox, distances: Tensor) -> tuple[Tensor, Tensor]:
    """Sorts neighbours by distance: their order [L, k], and their cumulative weights in it [L, k], float64.

    A non-finite model is farther than all others. Padding comes last and weighs nothing. Ties go to the left.

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[8.0], [1.0]])], metropolis=[[0.25, 0.5]])
    >>> nearest_first(inbox, inbox.distances())
    (tensor([[1, 0]]), tensor([[0.5000, 0.7500]], dtype=torch.float64))
    """
    keys = torch.where(inbox.present, distances, torch.nan)  # NaN sorts behind infinity
    order = keys.argsort(dim=1, stable=True)
    return order, (inbox.metropolis.double() * inbox.present).gather(1, order).cumsum(1)


def scatter_back(ranked: Tensor, order: Tensor) -> Tensor:
    """Moves values from the `order` of `nearest_first` back to their neighbours' columns [L, k].

    >>> scatter_back(torch.tensor([[10.0, 20.0, 30.0]]), order=torch.tensor([[2, 0, 1]]))
    tensor([[20., 30., 10.]])
    """
    return torch.zeros_like(ranked).scatter(1, order, ranked)


def clipped(distances: Tensor, tau: Tensor) -> Tensor:
    """Computes min(1, tau / ||x_j - x_i||) [L, k] for thresholds tau [L]; 1 where the two are equal.

    >>> clipped(torch.tensor([[0.5, 2.0, 8.0]]), tau=torch.tensor([2.0]))
    tensor([[1.0000, 1.0000, 0.2500]])
    """
    return torch.where(distances <= tau[:, None], 1.0, tau[:, None] / distances)
