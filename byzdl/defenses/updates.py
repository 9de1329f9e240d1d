"""Updates u_j = x_j^{t+1/2} - x_i^t, seen from node i: for rules that were made for the clients of a server."""

import torch
from torch import Tensor

from byzdl.exchange import Inbox
from byzdl.vectors.blocks import finite, squared_distances
from byzdl.vectors.updates import moved, products_around


def origins(inbox: Inbox) -> Tensor:
    """Lists the row in `inbox.before` of each learner's x_i^t [L]."""
    return torch.arange(len(inbox.rows), device=inbox.rows.device) % len(inbox.before)


def counted(inbox: Inbox) -> Tensor:
    """Masks the pool's finite updates [L, 1 + k], the own one first; none at a node without a finite own one."""
    own = inbox.members[:, :1] & finite(inbox.before)[origins(inbox), None]
    return inbox.members & own


def update_norms(inbox: Inbox) -> Tensor:
    """Computes the norms ||u_j|| of the pool [L, 1 + k], the own one first, float64; 0 where not `counted`.

    >>> from byzdl.exchange import by_hand
    >>> update_norms(by_hand(torch.tensor([[3.0]]), [torch.tensor([[7.0]])], before=torch.tensor([[2.0]])))
    tensor([[1., 5.]], dtype=torch.float64)
    """
    models = torch.cat([inbox.models, inbox.before])
    squared = squared_distances(models, inbox.pool, len(inbox.models) + origins(inbox), inbox.copies)
    return torch.where(counted(inbox), squared.sqrt(), 0.0)


def update_products(inbox: Inbox) -> Tensor:
    """Computes inner products u_j'u_k within the pool [L, 1 + k, 1 + k], float64; 0 where not `counted`.

    >>> from byzdl.exchange import by_hand
    >>> update_products(by_hand(torch.tensor([[3.0]]), [torch.tensor([[7.0]])], before=torch.tensor([[2.0]])))
    tensor([[[ 1.,  5.],
             [ 5., 25.]]], dtype=torch.float64)
    """
    among = counted(inbox)
    both = among[:, :, None] & among[:, None, :]
    return torch.where(both, products_around(inbox.models, inbox.pool, inbox.before, origins(inbox)), 0.0)


def updated(inbox: Inbox, weights: Tensor, accepted: Tensor) -> Tensor:
    """Computes x_i^t + sum_j w_j u_j over the pool [L, d]; the own model, bit for bit, at a node that accepted nobody.

    - `weights` [L, 1 + k]: w_j, the own one first
    - `accepted` [L, k]: mask of the accepted models

    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[3.0]]), [torch.tensor([[7.0]])], before=torch.tensor([[2.0]]))
    >>> updated(inbox, weights=torch.tensor([[0.5, 0.5]]), accepted=torch.tensor([[True]]))
    tensor([[5.]])
    """
    models = moved(inbox.models, inbox.pool, weights, inbox.before, origins(inbox))
    return torch.where(accepted.any(1, keepdim=True), models, inbox.own)


def cosines(products: Tensor) -> Tensor:
    """Computes cosines from inner products [..., p, p]; 0 with a vector of norm 0.

    >>> cosines(torch.tensor([[4.0, 3.0, 0.0], [3.0, 9.0, 0.0], [0.0, 0.0, 0.0]]))
    tensor([[1.0000, 0.5000, 0.0000],
            [0.5000, 1.0000, 0.0000],
            [0.0000, 0.0000, 0.0000]])
    """
    norms = products.diagonal(dim1=-2, dim2=-1).clamp(min=0).sqrt()
    both = norms[..., :, None] * norms[..., None, :]
    return torch.where(both > 0, products / both, 0.0).clamp(-1, 1)
