"""CAF: a filter along the direction in which the models vary most."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.defenses.base import Tolerant
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.waiting import possible

TINY = 1e-9  # of two equal models both lose all their weight, whatever the rounding


class Caf(Tolerant):
    """Lowers weights of models that are far out in the direction of largest variance, and returns the best mean met.

    Covariance-bound agnostic filter. The weights c_j of the own and the received models are 1 at first. While they add
    up to more than |N_i| + 1 - 2f, a step computes the weighted mean and covariance, with the top eigenvalue and its
    direction v. With tau_j = ((x_j - mean)'v)^2, it then multiplies c_j by 1 - tau_j / max tau. The result is the mean
    at the step of the least top eigenvalue.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[-1.0]]), [torch.tensor([[1.0], [0.0], [0.0], [10.0]])])
    >>> _, mix = Caf(f=1).aggregate((), inbox)  # the mean is 2, and 10 the farthest from it, at 8
    >>> (mix.weights * 238).round().tolist()  # 64 - 1, 64 - 4 and 64 - 4
    [[63.0, 60.0, 60.0, 0.0]]

    - `f`: Byzantine neighbours to tolerate, an integer or `known`

    **Assumes** f Byzantine neighbours of |N_i| >= 2f, and no bound on the covariance. With fewer neighbours, the steps
    end once the weights add up to at most 1; run.json and the log say so. With f = 0, the result is the mean. A
    non-finite model has no weight from the start. A node with a non-finite own model keeps it.

    **Source:** Y. Allouah, R. Guerraoui, J. Stephan, *Towards trustworthy federated learning with untrusted
    participants*
    (ICML 2025, arXiv 2505.01874), algorithm 2, as ByzFL documents it. Here, max tau is over the models with weight, so
    each step takes all weight of one at least, and 2f steps are enough. In ByzFL it is over all: once a far model has
    lost its weight, the others lose theirs slowly, in hundreds of steps if it is a thousand times as far. ByzFL's top
    direction is one step of the power method from a random vector, here it is exact. With f = 0, ByzFL returns nothing.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    per_f: ClassVar[int] = 2
    otherwise: ClassVar[str] = "at these nodes the steps end once the weights add up to at most 1"

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        gram, c = inbox.gram(), inbox.members.double()
        most = (inbox.degree + 1 - 2 * self.tolerated(inbox)).clamp(min=1)
        best = c / c.sum(1, keepdim=True).clamp(min=1)
        least = torch.full_like(best[:, 0], torch.inf)
        for _ in range(c.shape[1]):
            total = c.sum(1)
            goes_on = total > most
            if not any(possible(goes_on)):
                break
            shares = c / total[:, None].clamp(min=TINY)
            variance, tau = _widest(gram, shares)
            better = goes_on & (variance < least)
            best, least = torch.where(better[:, None], shares, best), torch.where(better, variance, least)
            farthest = torch.where(c > 0, tau, 0.0).amax(1, keepdim=True)
            left = c * (1 - torch.where(farthest > 0, tau / farthest, 0.0))
            c = torch.where(goes_on[:, None], left.masked_fill(left < TINY, 0.0), c)
        keeps = ~inbox.members[:, 0] | ~inbox.valid.any(1)
        own, weights = torch.where(keeps, 1.0, best[:, 0]), torch.where(keeps[:, None], 0.0, best[:, 1:])
        return state, Mix(inbox.combine(weights, own), weights > 0, weights)


def _widest(gram: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """Finds the largest variance [L], of a direction v, and each model's squared distance from the mean along v [L, p].

    The second is up to a factor per row.

    - `gram` [L, p, p]: inner products of the models around any centre
    - `shares` [L, p]: the weights of the models in mean and covariance, which sum to 1
    """
    to_mean = torch.bmm(gram, shares[:, :, None])
    around_mean = gram - to_mean - to_mean.mT + torch.bmm(shares[:, None], to_mean)
    root = shares.sqrt()
    # The covariance X'X, of the rows sqrt(c_j) (x_j - mean), has the top eigenvalue of XX'.
    values, vectors = torch.linalg.eigh(root[:, :, None] * around_mean * root[:, None, :])
    along = torch.bmm(around_mean, (root * vectors[:, :, -1])[:, :, None])[:, :, 0]
    return values[:, -1], along.square()
