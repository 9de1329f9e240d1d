"""The mean of some models of the pool: for `Mda`, `Smea` and `Dnc`."""

import torch
from torch import Tensor

from byzdl.exchange import Inbox, Mix


def pool_mean(inbox: Inbox, selected: Tensor) -> Mix:
    """Averages the selected models of the pool, the own model and N_i.

    A node keeps its own model if that is not finite, or if no model is selected.

    - `selected` [L, 1 + k]: mask of the models, the own one first

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[2.0], [90.0]])])
    >>> pool_mean(inbox, torch.tensor([[True, True, False]])).models
    tensor([[1.]])
    """
    selected = selected & inbox.members[:, :1]
    count = selected.sum(1, keepdim=True)
    shares = selected / count.clamp(min=1)
    own = torch.where(count[:, 0] > 0, shares[:, 0], 1.0)
    return Mix(inbox.combine(shares[:, 1:], own), selected[:, 1:], shares[:, 1:])
