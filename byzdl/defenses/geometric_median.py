"""The geometric median, within the span of the models."""

from typing import ClassVar

import torch
from torch import Tensor

from byzdl.config.types import Count, NonNegative, Positive
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix
from byzdl.vectors.blocks import squared_to_mean
from byzdl.vectors.selection import smallest, tied_ranks

TINY = 1e-150  # keeps weights finite where a majority of the models is one and the same


class GeometricMedian(Defense):
    """argmin_z sum_k ||z - x_k|| over N_i and i, by smoothed Weiszfeld steps on the weights u of z = sum_k u_k x_k.

    A step is u_k ~ 1 / max(||z - x_k||, smoothing s), for all k. The scale s is the median distance from the
    medoid, the model with the least sum of distances, to N_i and i. The start is the mean of the majority
    nearest to the medoid, floor(p/2) + 1 of p models. The end is a step shorter than tolerance s, or `steps`.

    - `steps`: how many at most
    - `smoothing`: how near to a model, relative to s, z counts as being there
    - `tolerance`: the step that is the last, relative to s

    **Assumes** that fewer than half of N_i and i are Byzantine. It is told no f. A model that is not finite
    counts as absent. A node whose own model is not finite keeps it. Of an even number of models on one line
    any point between the middle two is a median: which one comes out depends on the start.

    **Source:** K. Pillutla, S. M. Kakade, Z. Harchaoui, *Robust aggregation for federated learning* (IEEE TSP
    2022). There the start is the mean: nearly half of liars at 1e30 take it so far away that a hundred steps
    do not lead back. There the smoothing is absolute, and the end goes by the objective.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    steps: Count = 100
    smoothing: Positive = 1e-6
    tolerance: NonNegative = 1e-5

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        members, gram = inbox.members, inbox.gram()
        u, scale = _start(gram, members)
        least = (self.smoothing * scale).clamp(min=TINY)
        moving = torch.ones_like(members[:, 0])
        for _ in range(self.steps):
            inverse = members / torch.maximum(squared_to_mean(gram, u).sqrt(), least[:, None])
            after = inverse / inverse.sum(1, keepdim=True)
            moved = after - u
            step = (moved * (gram @ moved[:, :, None])[:, :, 0]).sum(1).clamp(min=0).sqrt()
            # Who has arrived stays: all take as many steps, and nobody is waited for.
            u = torch.where(moving[:, None], after, u)
            moving = moving & (step > self.tolerance * scale)
        alone = ~members[:, 0] | ~inbox.valid.any(1)
        own, weights = torch.where(alone, 1.0, u[:, 0]), torch.where(alone[:, None], 0.0, u[:, 1:])
        return state, Mix(inbox.combine(weights, own), inbox.valid & ~alone[:, None], weights)


def _start(gram: Tensor, members: Tensor) -> tuple[Tensor, Tensor]:
    """The weights of the mean of the majority nearest to the medoid [L, p], and the scale [L]."""
    norms = gram.diagonal(dim1=1, dim2=2)
    squared = (norms[:, :, None] + norms[:, None, :] - gram - gram.mT).clamp(min=0)
    distances = torch.where(members[:, None, :], squared.sqrt(), 0.0)
    total = torch.where(members, distances.sum(2), torch.inf)
    medoid = smallest(tied_ranks(total), 1, among=members)
    near = torch.where(medoid[:, :, None], distances, 0.0).sum(1)
    majority = smallest(near, members.sum(1) // 2 + 1, among=members)
    scale = torch.where(majority, near, 0.0).amax(1)
    return majority.double() / majority.sum(1, keepdim=True), scale
