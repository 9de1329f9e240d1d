"""Smallest maximum eigenvalue averaging (SMEA)."""

import torch
from torch import Tensor

from byzdl.defenses.all_subsets import BestSubset
from byzdl.vectors.blocks import centred_gram
from byzdl.vectors.subsets import Score


class Smea(BestSubset):
    """Averages the |N_i| + 1 - f models whose covariance has the least top eigenvalue.

    The models are chosen from the own and the received ones. The top eigenvalue is the variance in the direction in
    which the models differ most. Eigenvalues that agree in nine digits are equal. Then the set without the rightmost
    models counts.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[4.0], [5.0], [6.0], [-90.0]])])
    >>> _, mix = Smea(f=2).aggregate((), inbox)
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, True, True, False]], [[5.0]])

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 2f; run.json and the log warn of nodes with fewer. Where |N_i| <= f,
    the node keeps its own model. All subsets are tried, so a node with more than 19 neighbours is refused. A non-finite
    model is in no subset, and counts as one of the f. A node with a non-finite own model keeps it.

    **Source:** Y. Allouah et al., *On the privacy-robustness-utility trilemma in distributed learning* (ICML 2023,
    arXiv 2302.04787). Eigenvalues are exact here, from inner products. ByzFL takes one step of the power method from a
    random vector, so its choice is partly random.
    """

    def score(self, models: Tensor, rows: Tensor) -> Score:
        gram = centred_gram(models, rows)

        def top_eigenvalue(kept: Tensor) -> Tensor:
            both = kept[:, :, :, None] & kept[:, :, None, :]
            inner = torch.where(both, gram[:, None], 0.0)
            size = kept.sum(2).clamp(min=1)[:, :, None]
            to_mean = inner.sum(3) / size
            to_both = to_mean[:, :, :, None] + to_mean[:, :, None, :]
            centred = inner - to_both + (to_mean.sum(2, keepdim=True) / size)[:, :, :, None]
            # All subsets of a row are of one size, so the divisor of the covariance decides nothing.
            top = torch.linalg.eigvalsh(torch.where(both, centred, 0.0))[:, :, -1]
            # Equal models: what rounding leaves is no variance.
            return torch.where(top > 1e-14 * inner.diagonal(dim1=2, dim2=3).amax(2), top, 0.0)

        return top_eigenvalue
