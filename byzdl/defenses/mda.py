"""Minimum diameter averaging (MDA)."""

import torch
from torch import Tensor

from byzdl.defenses.all_subsets import BestSubset
from byzdl.vectors.blocks import pairwise_squared
from byzdl.vectors.selection import tied_ranks
from byzdl.vectors.subsets import Score


class Mda(BestSubset):
    """Averages the |N_i| + 1 - f models whose largest pairwise distance is the least.

    The models are chosen from the own and the received ones. Often several sets have the least diameter: with f = 1,
    either end of the longest distance may be dropped, unless the next longest one shares an end. Then the set with the
    least sum of squared distances counts. Diameters that agree in nine digits are equal.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[4.0], [5.0], [6.0], [-90.0]])])
    >>> _, mix = Mda(f=2).aggregate((), inbox)  # the diameter of 4, 5 and 6 is 2
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, True, True, False]], [[5.0]])

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 2f; run.json and the log warn of nodes with fewer. Where |N_i| <= f,
    the node keeps its own model. All subsets are tried, so a node with more than 19 neighbours is refused. A non-finite
    model is in no subset, and counts as one of the f. A node with a non-finite own model keeps it.

    **Source:** E. M. El Mhamdi et al., *Genuinely distributed Byzantine machine learning* (PODC 2020), after
    P. J. Rousseeuw, *Multivariate estimation with high breakdown point* (1985). The paper leaves open which of several
    sets counts. ByzFL takes the first, so there the result depends on the order of neighbours.
    """

    def score(self, models: Tensor, rows: Tensor) -> Score:
        squared = pairwise_squared(models, rows)
        ranks = tied_ranks(squared.flatten(1)).view_as(squared)

        def diameter(kept: Tensor) -> Tensor:
            both = kept[:, :, :, None] & kept[:, :, None, :]
            rank = torch.where(both, ranks[:, None], 0.0).amax((2, 3))
            distances = torch.where(both, squared[:, None], 0.0)
            # The sum is a share of its bound, so it decides between equal diameters only.
            bound = distances.amax((2, 3)) * squared[0].numel()
            return 2 * rank + torch.where(bound > 0, distances.sum((2, 3)) / bound, 0.0)

        return diameter
