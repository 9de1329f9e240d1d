"""MoNNA's aggregation: nearest-neighbour averaging."""

from typing import ClassVar

from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.selection import smallest


class Nna(Tolerant):
    """Averages the own model and the |N_i| - f received models nearest to it.

    These are the |N_i| + 1 - f models nearest to the own model, itself included.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[10.0]]), [torch.tensor([[14.0], [4.0], [12.0], [60.0]])])
    >>> _, mix = Nna(f=1).aggregate((), inbox)  # (10 + 14 + 4 + 12) / 4
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, True, True, False]], [[10.0]])

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours, few in comparison with |N_i|. Where |N_i| <= f, nothing is mixed in; run.json
    and the log say so. A non-finite model is farther than all others, and never mixed in.

    **Source:** S. Farhadkhani et al., *Robust collaborative learning with linear gradient overhead* (ICML 2023),
    nearest-neighbour averaging. There, gradients enter by an exponential average (momentum times 1 - beta), which is
    `optimizer.average=true` here. The heavy ball, the default here, is the same up to the scale of the learning rate.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    needs: ClassVar[int] = 1
    otherwise: ClassVar[str] = "these nodes mix nothing in"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        near = smallest(inbox.distances(), inbox.degree - self.tolerated(inbox), among=inbox.valid)
        weights = near / (1 + near.sum(1, keepdim=True))
        return state, Mix(inbox.combine(weights), near, weights)
