"""SketchGuard: BALANCE on short sketches of the models."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import Count
from byzdl.defenses.balance import Balance
from byzdl.exchange import Inbox
from byzdl.vectors.blocks import squared_distances
from byzdl.vectors.count_sketch import count_sketches


class Sketchguard(Balance):
    """Acts as balance, but measures norms and distances on sketches of the models.

    Accepts j if ||s_i - s_j|| <= gamma exp(-kappa t/T) ||s_i||, with the count sketches s of the models. A sketch has
    `size` values: sums of the model's parameters in random buckets, with random signs. Buckets and signs are drawn anew
    in each round, and are the same at all nodes. Accepted models are mixed in whole, as by balance.

    On a network, neighbours send their sketches first, and whole models only where accepted.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[30.0, 40.0]]), [torch.tensor([[33.0, 44.0], [30.0, 24.0]])])
    >>> _, mix = Sketchguard(gamma=0.3, size=1000).aggregate((), inbox)  # as balance
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, False]], [[31.5, 42.0]])

    - `size`: values in a sketch. The relative error of a squared distance is about sqrt(2 / size)
    - all others: see `Balance`

    **Assumes** what balance assumes, and that attackers choose their models before the buckets are drawn: otherwise, a
    difference can vanish in the sketches. No attack here looks at the buckets, but one that rehearses the defense finds
    out what passes. A non-finite model is never accepted. A node with a non-finite own model accepts nobody.

    **Source:** M. Rangwala et al., *SketchGuard: scaling Byzantine-robust decentralized federated learning via
    sketch-based screening* (arXiv 2510.07922). The default size and new buckets in each round are those of the authors'
    code. The code also accepts the nearest neighbour where nobody passes, and widens the radius by half after rounds
    with few accepted; here it does neither. gamma is 0.3, as for balance; the code has 2.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    size: Count = 1000

    def measured(self, inbox: Inbox) -> tuple[Tensor, Tensor]:
        sketches = count_sketches(inbox.models, self.size, inbox.stream())
        norms = torch.linalg.vector_norm(sketches, dim=1)
        return norms[inbox.own_rows], squared_distances(sketches, inbox.rows, inbox.own_rows, inbox.copies).sqrt()
