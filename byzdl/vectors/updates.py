"""Updates: differences of models to the model that each learner had before."""

import torch
from torch import Tensor

from byzdl.vectors.blocks import blocks, centred_gram, copied


def products_around(models: Tensor, rows: Tensor, origins: Tensor, at: Tensor) -> Tensor:
    """Computes inner products (x_j - o)'(x_k - o) of models [m, d], for all j, k in each row of `rows` [L, k].

    The result is float64 [L, k, k]. A product with a difference of norm 0 is exactly 0.

    - `origins` [n, d], `at` [L]: o is the origin in this row, one for each row of `rows`

    >>> models, origins = torch.tensor([[1.0, 1.0], [4.0, 5.0]]), torch.tensor([[1.0, 2.0]])
    >>> products_around(models, rows=torch.tensor([[0, 1]]), origins=origins, at=torch.tensor([0]))
    tensor([[[ 1., -3.],
             [-3., 18.]]], dtype=torch.float64)
    """
    gram = centred_gram(torch.cat([models, origins]), torch.cat([len(models) + at[:, None], rows], dim=1))
    gram = (gram + gram.mT) / 2
    to_origin = gram[:, :1]
    around = (gram - to_origin - to_origin.mT + to_origin[:, :, :1])[:, 1:, 1:]
    norms = gram.diagonal(dim1=1, dim2=2)
    # Of a norm this much smaller than the distances to the centre, no digit would be right.
    same = around.diagonal(dim1=1, dim2=2) < 1e-14 * (norms[:, 1:] + norms[:, :1])
    return around.masked_fill(same[:, :, None] | same[:, None, :], 0.0)


def moved(models: Tensor, rows: Tensor, weights: Tensor, origins: Tensor, at: Tensor) -> Tensor:
    """Computes o + sum_j w_j (x_j - o) of models [m, d], for j in each row of `rows` [L, k]: [L, d].

    Differences come first, in float64, so weights far above 1 cost no digits. A model of weight 0 is never read, so a
    NaN in it cannot spread.

    - `weights` [L, k]: w_j
    - `origins` [n, d], `at` [L]: o is the origin in this row, one for each row of `rows`

    >>> models, origins = torch.tensor([[3.0, 1.0], [torch.nan, 0.0]]), torch.tensor([[1.0, 1.0]])
    >>> moved(models, torch.tensor([[0, 1]]), torch.tensor([[0.5, 0.0]]), origins, at=torch.tensor([0]))
    tensor([[2., 1.]])
    """
    d = models.shape[1]
    result = torch.empty(len(rows), d, dtype=models.dtype, device=models.device)
    weighty = (weights != 0)[:, :, None]
    shares = weights.double()[:, None]
    for columns in blocks(d, rows.numel(), models.device):
        origin = origins[:, columns].double()[at, None]
        difference = torch.where(weighty, copied(models[:, columns], rows).double() - origin, 0.0)
        result[:, columns] = (origin + shares @ difference)[:, 0].to(models.dtype)
    return result
