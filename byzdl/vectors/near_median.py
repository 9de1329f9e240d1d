"""The mean of the values nearest to the median of each coordinate."""

import torch
from torch import Tensor

from byzdl.vectors.blocks import gathered
from byzdl.vectors.sorting import ascending
from byzdl.vectors.waiting import possible


def near_median(models: Tensor, rows: Tensor, among: Tensor, size: Tensor) -> Tensor:
    """Averages, per coordinate, the `size` [L] values nearest to the median of the models in each row: [L, d].

    For an even number of values, the median is the mean of the middle two. Of two values equally near, the smaller one
    counts. A row without models has no meaning.

    - `models` [m, d], `rows` [L, k]: the models, and the rows in them
    - `among` [L, k]: mask of the models that count

    >>> models = torch.tensor([[0.0], [1.0], [4.0], [90.0]])
    >>> near_median(models, torch.tensor([[0, 1, 2]]), torch.tensor([[True, True, True]]), torch.tensor([2]))
    tensor([[0.5000]])
    """
    count = among.sum(1)
    means = models.new_empty(len(rows), models.shape[1])
    most = sum(possible((torch.arange(among.shape[1], device=count.device) < count[:, None]).any(0)))
    if not most:
        return means.zero_()
    # Those that count come first, and the columns of the others are left out as far as possible.
    first = among.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
    rows, among = rows.gather(1, first), among.gather(1, first)
    size = torch.minimum(size, count)
    beyond = torch.arange(most, device=size.device)[:, None] + size  # [most, L], the first rank behind a window
    has_next, beyond = beyond < count, beyond.clamp(max=most - 1)
    moves = possible(has_next.any(1))
    for learners, columns, values in gathered(models, rows, among):
        ranked = torch.stack(tuple(ascending(values))).double()
        own, width = torch.arange(ranked.shape[1], device=ranked.device), size[learners, None].short()
        # The two middle ranks, which coincide for an odd count.
        lower, upper = (count[learners] - 1) // 2, count[learners] // 2
        median = (ranked[lower, own] + ranked[upper, own]) / 2
        # The nearest values are a window of consecutive ranks. It moves up while the value behind its end is nearer
        # than its first one.
        start = torch.zeros_like(median, dtype=torch.short)
        for rank, value in enumerate(ranked):
            if moves[rank]:
                following = ranked[beyond[rank, learners], own]
                start += has_next[rank, learners, None] & (following - median < median - value)
        total = torch.zeros_like(median)
        for rank, value in enumerate(ranked):
            total += torch.where((start <= rank) & (rank < start + width), value, 0.0)
        means[learners, columns] = total.div_(width)
    return means
