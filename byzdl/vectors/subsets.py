"""The best of all subsets of a few items."""

from collections.abc import Callable
from functools import lru_cache
from math import comb
from typing import NamedTuple

import torch
from torch import Tensor

from byzdl.vectors.blocks import blocks
from byzdl.vectors.waiting import possible

LARGEST = 20  # items; their subsets of half that size are 184,756

Score = Callable[[Tensor], Tensor]
"""score(kept) [L, b]: the scores of b subsets in each of L rows, given as masks [L, b, w]."""


def members_first(members: Tensor) -> Tensor:
    """Lists the columns of a mask [L, p] so that each row's members come first: from right to left, then the others.

    >>> members_first(torch.tensor([[True, False, True]]))
    tensor([[2, 0, 1]])
    """
    columns = torch.arange(members.shape[1], device=members.device)
    return torch.where(members, columns, -1).argsort(dim=1, descending=True, stable=True)


def best_subset(score: Score, count: Tensor, drops: Tensor, width: int, most_drops: int) -> Tensor:
    """Finds the subset of least score among all that drop `drops` [L] of a row's first `count` [L] items.

    The result is a mask [L, w] of the items that stay. Scores are at least 0, and equal if they agree in nine digits.
    Of subsets with equal scores, the first one counts: it drops the first items.

    - `width`: w, the number of items; not more than `LARGEST`
    - `most_drops`: a bound of `drops`, known without a look at the values

    >>> values = torch.tensor([9.0, 1.0, 2.0])
    >>> best_subset(lambda kept: (kept * values).sum(2), torch.tensor([3]), torch.tensor([1]), width=3, most_drops=1)
    tensor([[False,  True,  True]])
    """
    table = _subsets(width, count.device)
    start, number = table.starts[drops], table.numbers[count, drops]
    items = torch.arange(width, device=count.device)
    there = items < count[:, None]
    least = torch.full_like(count, torch.inf, dtype=torch.float64)
    dropped = table.dropped[start]
    for some in blocks(comb(width, min(most_drops, width // 2)), len(count) * width * width, count.device):
        if not any(possible(some.start < number)):
            break
        index = torch.arange(some.start, some.stop, device=count.device)
        known = index < number[:, None]
        tried = table.dropped[torch.where(known, start[:, None] + index, 0)]
        scores = torch.where(known, score(_kept(tried, items) & there[:, None]), torch.inf)
        now = scores.amin(1)
        first = (scores <= now[:, None] * (1 + 1e-9)).byte().argmax(1, keepdim=True)
        better = now < least * (1 - 1e-9)
        least = torch.where(better, now, least)
        dropped = torch.where(better, tried.gather(1, first)[:, 0], dropped)
    return _kept(dropped, items) & there


def _kept(dropped: Tensor, items: Tensor) -> Tensor:
    """Masks the items [..., w] that are not in a set, whose bits are the items in it."""
    return (dropped[..., None] >> items) & 1 == 0


class _Subsets(NamedTuple):
    """Lists all subsets of w items.

    - `dropped` [2^w]: the subsets as numbers, whose bits are the items; the smaller ones first. Of those of one size,
      the subsets of the first items come first
    - `starts` [w + 1]: of each size, the index of its first subset
    - `numbers` [w + 1, w + 1]: of the first c items, the number of subsets of each size
    """

    dropped: Tensor
    starts: Tensor
    numbers: Tensor


@lru_cache(maxsize=4)
def _subsets(width: int, device: torch.device) -> _Subsets:
    numbers = [[comb(count, size) for size in range(width + 1)] for count in range(width + 1)]
    every = torch.arange(2**width, dtype=torch.int32)
    size = sum((every >> item) & 1 for item in range(width)) + torch.zeros_like(every)
    return _Subsets(
        dropped=every[size.argsort(stable=True)].to(device),
        starts=torch.tensor([sum(numbers[width][:size]) for size in range(width + 1)], device=device),
        numbers=torch.tensor(numbers, device=device),
    )
