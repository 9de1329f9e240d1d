"""Adaptive robust clipping (ARC)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch

from byzdl.exchange import Conditions, Inbox, Tolerance
from byzdl.preaggregation.base import Blend, Preaggregation
from byzdl.preaggregation.clipping import clipping


class Arc(Tolerance, Preaggregation):
    """Clips the models farthest from the own one to the distance of the next farthest.

    Of the n = |N_i| + 1 models in the pool, floor(2 (f / n) (n - f)) are clipped, those with the largest differences to
    the own model. The norms of these differences become that of the largest of the others. The own model has a
    difference of 0, and stays.

    >>> from byzdl.exchange import by_hand
    >>> from byzdl.preaggregation import blended
    >>> inbox = by_hand(torch.zeros(1, 1), [torch.tensor([[3.0], [1.0], [-9.0], [4.0]])])
    >>> blended(inbox, Arc(f=1).blend(inbox)).models[1:].flatten()  # floor(2 * 4 / 5) = 1
    tensor([ 3.,  1., -4.,  4.])

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine models in a pool of more than 2f, so |N_i| >= 2f; run.json and the log warn of nodes with
    fewer neighbours. A model that is not finite counts as one of the farthest, and stays as it is. If the own model is
    not finite, all stay.

    **Source:** Y. Allouah et al., *Adaptive gradient clipping for robust federated learning* (ICLR 2025, arXiv
    2405.14432). There, gradients are clipped. Here these are differences to the own model after its local step, the
    centre of clipped gossip, too: so each clipped model is a mean of models in the pool.
    """

    group: ClassVar[str] = "pre"
    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "at these nodes fewer models than f may be clipped"

    def check(self, conditions: Conditions) -> None:
        self.check_f(conditions)

    def facts(self, conditions: Conditions) -> Mapping[str, Any]:
        return self.facts_of_f(conditions)

    def blend(self, inbox: Inbox) -> Blend:
        distances, n = inbox.distances(), inbox.degree + 1
        f = torch.minimum(self.tolerated(inbox), n)
        stay = n - 2 * f * (n - f) // n
        # Without a message, the distance is infinite, and comes last. The own model comes first.
        ascending = torch.cat([torch.zeros_like(distances.sum(1, keepdim=True)), distances], dim=1).sort(dim=1).values
        return clipping(inbox, distances, ascending.gather(1, stay[:, None] - 1)[:, 0])
