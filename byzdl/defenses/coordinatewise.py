"""What coordinate-wise rules share."""

import torch
from torch import Tensor

from byzdl.exchange import Inbox
from byzdl.vectors.blocks import gathered
from byzdl.vectors.sorting import ascending


def trimmed_mean(inbox: Inbox, trim: Tensor) -> Tensor:
    """Per coordinate, the mean of N_i's models and the own one without the `trim` [L] largest and smallest [L, d].

    Where that would leave none, the median: the middle one, or the mean of the middle two. The own model,
    bit by bit, where nothing valid came in, or where it is not finite itself.
    """
    members = inbox.members
    count = members.sum(1)
    trim = torch.minimum(trim, (count - 1).clamp(min=0) // 2)
    rank = torch.arange(members.shape[1], device=count.device)
    kept = (rank >= trim[:, None]) & (rank < (count - trim)[:, None])
    means = torch.empty_like(inbox.own)
    for few, columns, values in gathered(inbox.models, inbox.pool):
        # Members are finite: what is not one of them comes last.
        ranked = ascending(values.masked_fill_(~members[few, :, None], torch.inf))
        total = torch.where(kept[few, :, None], ranked, 0.0).sum(1, dtype=torch.float64)
        means[few, columns] = (total / kept[few].sum(1, keepdim=True)).to(means.dtype)
    return torch.where((members[:, 0] & inbox.valid.any(1))[:, None], means, inbox.own)
