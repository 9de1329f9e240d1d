"""The geometric median, within the span of the models."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import Count, NonNegative, Positive
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import squared_to_mean
from byzdl.vectors.selection import smallest, tied_ranks
from byzdl.vectors.waiting import possible

TINY = 1e-150  # keeps weights finite where a majority of the models are equal


class GeometricMedian(Defense):
    """Takes the geometric median of the own and the received models: the point of least total distance.

    argmin_z sum_k ||z - x_k|| over N_i and i, by smoothed Weiszfeld steps on the weights u of z = sum_k u_k x_k.

    A step is u_k ~ 1 / max(||z - x_k||, smoothing s), for all k. The medoid is the model with the least sum of
    distances to the others. The scale s is the median distance from the medoid to N_i and i. The start is the mean of
    the majority nearest to the medoid, floor(p/2) + 1 of p models. The steps end with one shorter than tolerance s,
    or after `steps` of them.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[-1.0, 0.0]]), [torch.tensor([[1.0, 0.0], [0.0, 3.0]])])
    >>> height = GeometricMedian().aggregate((), inbox)[1].models[0, 1].item()
    >>> round(height, 2)  # 1 / sqrt(3): from there, the three models are seen at 120 degrees from each other
    0.58

    - `steps`: the most steps
    - `smoothing`: the distance from a model, relative to s, up to which z counts as being there
    - `tolerance`: the length of the last step, relative to s

    **Assumes** that fewer than half of N_i and i are Byzantine. The rule takes no f. A non-finite model counts as
    absent. A node with a non-finite own model keeps it. For an even number of models on one line, any point between
    the middle two is a median, and the start decides which one comes out.

    **Source:** K. Pillutla, S. M. Kakade, Z. Harchaoui, *Robust aggregation for federated learning* (IEEE TSP
    2022). The paper starts at the mean. A minority of nearly half the models, at 1e30, takes that so far away that a
    hundred steps do not lead back. The paper's smoothing is absolute, and its last step depends on the objective.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    steps: Count = 100
    smoothing: Positive = 1e-6
    tolerance: NonNegative = 1e-5

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        members, gram = inbox.members, inbox.gram()
        u, scale = _start(gram, members)
        counted, least, tolerance = members.double(), (self.smoothing * scale).clamp(min=TINY), self.tolerance * scale
        moving = torch.ones_like(members[:, 0])
        for _ in range(self.steps):
            if not any(possible(moving)):
                break
            inverse = counted / torch.maximum(squared_to_mean(gram, u).sqrt_(), least[:, None])
            after = inverse / inverse.sum(1, keepdim=True)
            moved = after - u
            step = (moved * torch.bmm(gram, moved[:, :, None])[:, :, 0]).sum(1).clamp_(min=0).sqrt_()
            # A learner that has arrived keeps its weights.
            u = torch.where(moving[:, None], after, u)
            moving = moving & (step > tolerance)
        alone = ~members[:, 0] | ~inbox.valid.any(1)
        own, weights = torch.where(alone, 1.0, u[:, 0]), torch.where(alone[:, None], 0.0, u[:, 1:])
        return state, Mix(inbox.combine(weights, own), inbox.valid & ~alone[:, None], weights)


def _start(gram: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """Computes the weights of the mean of the majority nearest to the medoid [L, p], and the scale [L]."""
    norms = gram.diagonal(dim1=1, dim2=2)
    squared = (norms[:, :, None] + norms[:, None, :] - gram - gram.mT).clamp(min=0)
    distances = torch.where(members[:, None, :], squared.sqrt(), 0.0)
    total = torch.where(members, distances.sum(2), torch.inf)
    medoid = smallest(tied_ranks(total), 1, among=members)
    near = torch.where(medoid[:, :, None], distances, 0.0).sum(1)
    majority = smallest(near, members.sum(1) // 2 + 1, among=members)
    scale = torch.where(majority, near, 0.0).amax(1)
    return majority.double() / majority.sum(1, keepdim=True), scale
