"""Bulyan: Krum again and again, then what is near the median of each coordinate."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import Share
from byzdl.defenses.base import Tolerant
from byzdl.defenses.krum import scores
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import gathered
from byzdl.vectors.selection import smallest, tied_ranks
from byzdl.vectors.sorting import ascending


class Bulyan(Tolerant):
    """Select |N_i| - 2f by repeated Krum; per coordinate average the 2f fewer of them that are closest to their median.

    Krum is D_Krum's, each time on those that are left: the own model is no candidate, and of r that are left
    the max(r - f - 2, 1) nearest others count. Where that is one, the nearest two always tie: of a tie the one
    with the least sum of squared distances to all received models is selected. Of an even number the median is the mean of the middle two; of
    two values that are equally close to it the smaller one is averaged. The result is mixed with the own model
    by alpha. `selected` in the logs is the first stage's choice.

    - `alpha`: weight of the own model in the mix
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 4f + 3. Where there are fewer, at least one is selected and
    at least one value averaged all the same, which promises nothing; run.json and the log say so. A model that
    is not finite is no candidate; f stays what it is.

    **Source:** E. M. El Mhamdi, R. Guerraoui, S. Rouault, *The hidden vulnerability of distributed learning in
    Byzantium* (ICML 2018), applied to received models and mixed by alpha as D_Krum is here.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5

    needs: ClassVar[int] = 3
    per_f: ClassVar[int] = 4
    otherwise: ClassVar[str] = "there at least one model is selected and one value averaged, which promises nothing"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        f = self.tolerated(inbox)
        selected = self._selected(inbox, f)
        count = selected.sum(1)
        models = self._near_median(inbox, selected, (count - 2 * f).clamp(min=1))
        if self.alpha > 0:  # 0 times a diverged own model would be no number
            models = (1 - self.alpha) * models + self.alpha * inbox.own
        return state, Mix(torch.where((count > 0)[:, None], models, inbox.own), selected)

    def _selected(self, inbox: Inbox, f: Tensor) -> Tensor:
        """The first stage's choice [L, k]."""
        squared = inbox.pairwise_distances().square()
        k = squared.shape[1]
        every = tied_ranks(scores(squared, inbox.valid, inbox.degree))
        wanted = (inbox.degree - 2 * f).clamp(min=1)
        selected = torch.zeros_like(inbox.valid)
        for step in range(k):
            count = (inbox.degree - step - f - 2).clamp(min=1)
            left = inbox.valid & ~selected
            # Every level is below k: the second decides where the first ties.
            order = tied_ranks(scores(squared, left, count)) * k + every
            winner = smallest(order, 1, among=left)
            selected = selected | (winner & (step < wanted)[:, None])
        return selected

    def _near_median(self, inbox: Inbox, selected: Tensor, most: Tensor) -> Tensor:
        """Per coordinate, the mean of the `most` [L] selected values that are closest to their median [L, d]."""
        count = selected.sum(1)
        rank = torch.arange(selected.shape[1], device=count.device)
        # Both are one where the number is odd.
        centre = (rank == ((count - 1) // 2)[:, None]).double() + (rank == (count // 2)[:, None]).double()
        most = torch.minimum(most, count)[:, None]
        after = rank + most  # where what comes next stands, for each first one of so many in order
        more, after = after < count[:, None], after.clamp(max=len(rank) - 1)
        means = torch.empty_like(inbox.own)
        for few, columns, values in gathered(inbox.models, inbox.rows):
            out = ~selected[few, :, None]
            ranked = ascending(values.masked_fill_(out, torch.inf)).double()
            ranked = torch.where(ranked.isinf(), 0.0, ranked)  # those that are not selected, behind all others
            median = (ranked * (centre[few, :, None] / 2)).sum(1, keepdim=True)
            # What is nearest stands side by side: from the least on, as long as the next one is nearer than the first.
            following = ranked.gather(1, after[few, :, None].expand_as(ranked))
            start = (more[few, :, None] & (following - median < median - ranked)).sum(1, keepdim=True)
            near = (rank[:, None] >= start) & (rank[:, None] < start + most[few, None])
            total = torch.where(near, ranked, 0.0).sum(1)
            means[few, columns] = (total / most[few]).to(means.dtype)
        return means
