"""Bulyan: repeated Krum, then a mean around the median of each coordinate."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import Share
from byzdl.defenses.base import Tolerant
from byzdl.defenses.krum import by_distance, scores
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.near_median import near_median
from byzdl.vectors.selection import smallest, tied_ranks
from byzdl.vectors.waiting import possible


class Bulyan(Tolerant):
    """Selects models by repeated Krum, then averages per coordinate the values nearest to their median.

    Stage 1 selects |N_i| - 2f models, one at a time, each by D_Krum's score among the models not yet selected. The own
    model is no candidate. With r models left, the max(r - f - 2, 1) nearest others count. Where only one counts, the two
    models nearest to each other always tie. Among tied models, the one with the least sum of squared distances to all
    received models is selected.

    Stage 2 averages, per coordinate, the |selected| - 2f selected values closest to their median. For an even number
    of values, the median is the mean of the middle two. Of two values equally close to it, the smaller one is averaged.
    The result is mixed with the own model by alpha. `selected` in the logs is the choice of stage 1.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[0.0], [90.0], [1.0], [2.0], [-50.0], [4.0], [7.0]])
    >>> inbox = by_hand(torch.zeros(1, 1), [received])
    >>> _, mix = Bulyan(f=1, alpha=0.0).aggregate((), inbox)
    >>> mix.selected.tolist(), mix.models.tolist()  # the selected have median 2; 0, 1 and 2 count
    ([[True, False, True, True, False, True, True]], [[1.0]])

    - `alpha`: weight of the own model in the mix
    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 4f + 3. A node with fewer neighbours still selects at least one model
    and averages at least one value, which promises nothing; run.json and the log say so. A non-finite model is no
    candidate, and f is not reduced for it.

    **Source:** E. M. El Mhamdi, R. Guerraoui, S. Rouault, *The hidden vulnerability of distributed learning in
    Byzantium* (ICML 2018), applied to received models and mixed by alpha, as D_Krum is here.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5

    needs: ClassVar[int] = 3
    per_f: ClassVar[int] = 4
    otherwise: ClassVar[str] = (
        "these nodes select at least one model and average at least one value, which promises nothing"
    )

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        f = self.tolerated(inbox)
        selected = self._selected(inbox, f)
        count = selected.sum(1)
        models = near_median(inbox.models, inbox.rows, selected, (count - 2 * f).clamp(min=1))
        if self.alpha > 0:  # 0 times a diverged own model would be NaN
            models = (1 - self.alpha) * models + self.alpha * inbox.own
        return state, Mix(torch.where((count > 0)[:, None], models, inbox.own), selected)

    def _selected(self, inbox: Inbox, f: Tensor) -> Tensor:
        """Selects the models of stage 1: a mask [L, k]."""
        nearest = by_distance(inbox.pairwise_distances().square(), inbox.valid)
        tie_break = tied_ranks(scores(*nearest, inbox.valid, inbox.degree))
        most, others = (inbox.degree - 2 * f).clamp(min=1), inbox.degree - f - 2
        selected, k = torch.zeros_like(inbox.valid), inbox.rows.shape[1]
        for step in range(k):
            selects = step < most
            if not any(possible(selects)):
                break
            left = inbox.valid & ~selected
            # The tie-break is below k, so it decides between equal scores only.
            order = tied_ranks(scores(*nearest, left, (others - step).clamp(min=1))) * k + tie_break
            selected |= smallest(order, 1, among=left) & selects[:, None]
        return selected
