"""What rules share that go by the weight of those who may be Byzantine, in order of distance."""

import torch
from torch import Tensor

from byzdl.exchange import Inbox


def tolerated_weight(inbox: Inbox, f: Tensor) -> Tensor:
    """F [L]: the most that f [L] of the neighbours can weigh by the Metropolis weights, float64."""
    heaviest = (inbox.metropolis.double() * inbox.present).sort(dim=1, descending=True).values
    counted = torch.arange(heaviest.shape[1], device=f.device) < f[:, None]
    return (heaviest * counted).sum(1)


def nearest_first(inbox: Inbox, distances: Tensor) -> tuple[Tensor, Tensor]:
    """Neighbours in order of distance [L, k], and the weight of each with all that come before it [L, k], float64.

    What is not finite is farther than any other; padding comes last and weighs nothing. Ties go to the left.
    """
    keys = torch.where(inbox.present, distances, torch.nan)  # NaN sorts behind infinity
    order = keys.argsort(dim=1, stable=True)
    return order, (inbox.metropolis.double() * inbox.present).gather(1, order).cumsum(1)


def scatter_back(ranked: Tensor, order: Tensor) -> Tensor:
    """What was computed in that order, back at its neighbours [L, k]."""
    return torch.zeros_like(ranked).scatter(1, order, ranked)


def clipped(distances: Tensor, tau: Tensor) -> Tensor:
    """min(1, tau / ||x_j - x_i||) [L, k] for thresholds tau [L]; 1 where they are equal."""
    return torch.where(distances <= tau[:, None], 1.0, tau[:, None] / distances)
