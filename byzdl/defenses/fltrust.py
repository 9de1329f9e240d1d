"""FLTrust: trust in updates that go the own way."""

from typing import ClassVar

import torch

from byzdl.defenses.base import Defense
from byzdl.defenses.updates import cosines, update_products, updated
from byzdl.exchange import Inbox, Mix


class Fltrust(Defense):
    """Averages updates that go the way of the own one, each at the own one's length and weighted by its trust.

    The update of a received model is u_j = x_j - x_i^t, with x_i^t from before the local step; u_i is the own one. The
    trust in j is max(0, cos(u_j, u_i)), and 1 in the own update. The result is x_i^t plus the mean of the updates
    u_j ||u_i|| / ||u_j||, weighted by trust.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[3.0, 4.0], [-1.0, 0.0], [0.0, 90.0]])
    >>> inbox = by_hand(torch.tensor([[1.0, 0.0]]), [received], before=torch.zeros(1, 2))
    >>> _, mix = Fltrust().aggregate((), inbox)  # cosines 0.6, -1 and 0: ((1, 0) + 0.6 (0.6, 0.8)) / 1.6
    >>> mix.selected, mix.models
    (tensor([[ True, False, False]]), tensor([[0.8500, 0.3000]]))

    **Assumes** that the own mini-batch shows about the right way, and that neighbours' models differ from the own one
    by little more than an update: u_j holds their whole difference. The rule takes no f. The result is never farther
    from x_i^t than the own model, so nodes that differ agree but slowly. A non-finite model has no trust. A node with a
    non-finite own model keeps it.

    **Source:** X. Cao et al., *FLTrust: Byzantine-robust federated learning via trust bootstrapping* (NDSS 2021,
    Algorithm 2). There, a server has a data set of its own, and its update directs but is not averaged. Here, each node
    is its own server, and its update takes part with weight 1: where it trusts nobody, it learns alone.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        products = update_products(inbox)
        norms = products.diagonal(dim1=1, dim2=2).sqrt()
        trust = cosines(products)[:, 0, 1:].clamp(min=0) * inbox.valid
        scaled = torch.where(trust > 0, trust * norms[:, :1] / norms[:, 1:], 0.0)
        shares = torch.cat([torch.ones_like(norms[:, :1]), scaled], dim=1) / (1 + trust.sum(1, keepdim=True))
        return state, Mix(updated(inbox, shares, trust > 0), trust > 0)
