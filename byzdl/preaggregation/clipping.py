"""Received models moved towards the own one: for `Clip` and `Arc`."""

import torch
from torch import Tensor

from byzdl.exchange import Inbox
from byzdl.preaggregation.base import Blend


def clipping(inbox: Inbox, distances: Tensor, threshold: Tensor) -> Blend:
    """Clips the difference to each received model: its norm becomes at most the threshold, its direction stays.

    A clipped model is a mean of the received and the own one. What is not finite stays as it is, and so does everything
    where the own model is not finite.

    - `distances` [L, k]: to the own model
    - `threshold` [L]: the largest norm

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[1.0], [8.0]])])
    >>> clipping(inbox, inbox.distances(), torch.tensor([2.0])).shares
    tensor([[[1.0000, 0.0000, 0.0000],
             [0.0000, 1.0000, 0.0000],
             [0.7500, 0.0000, 0.2500]]])
    """
    beyond = distances.isfinite() & (distances > threshold[:, None])
    factor = torch.where(beyond, threshold[:, None] / distances, 1.0)
    shares = torch.diag_embed(torch.cat([torch.ones_like(factor[:, :1]), factor * inbox.present], dim=1))
    shares[:, 1:, 0] = (1 - factor) * inbox.present
    return Blend(shares.to(inbox.metropolis.dtype), inbox.metropolis)
