"""The coordinate-wise trimmed mean: for `TrimmedMean` and `Median`."""

import torch
from torch import Tensor

from byzdl.exchange import Inbox
from byzdl.vectors.blocks import gathered
from byzdl.vectors.sorting import ascending
from byzdl.vectors.waiting import possible


def trimmed_mean(inbox: Inbox, trim: Tensor) -> Tensor:
    """Drops the `trim` [L] largest and smallest values of each coordinate of N_i and i, and averages the rest: [L, d].

    Where that would leave no value, the median is the result: the middle value, or the mean of the middle two. A node
    keeps its own model, bit for bit, if it received no valid model or its own is non-finite.

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[1.0], [2.0], [90.0]])])
    >>> trimmed_mean(inbox, torch.tensor([1]))
    tensor([[1.5000]])
    """
    members = inbox.members
    count = members.sum(1)
    trim = torch.minimum(trim, (count - 1).clamp(min=0) // 2)
    rank = torch.arange(members.shape[1], device=count.device)
    kept = (rank >= trim[:, None]) & (rank < (count - trim)[:, None])
    anyone_keeps = possible(kept.any(0))
    number, means = kept.sum(1, keepdim=True), torch.empty_like(inbox.own)
    for learners, columns, values in gathered(inbox.models, inbox.pool, members):
        total = torch.zeros(values.shape[1:], dtype=torch.float64, device=values.device)
        for ranked, counts, needed in zip(ascending(values), kept[learners].T, anyone_keeps, strict=True):
            if needed:
                total += ranked.mul_(counts[:, None])
        means[learners, columns] = total.div_(number[learners])
    return torch.where((members[:, 0] & inbox.valid.any(1))[:, None], means, inbox.own)
