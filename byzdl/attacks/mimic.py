"""Mimic: copies of the benign node with the least typical data."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Count
from byzdl.vectors.blocks import finite


class MimicState(NamedTuple):
    """What the attack has learnt so far.

    - `direction` [d]: the estimated leading direction of the benign models' spread, a unit vector
    - `projections` [L]: <x_i - mean, z> of each learner i, summed over the warm-up; 0 if it is Byzantine or was not
      seen
    - `acted`: the number of rounds in which the attack acted
    """

    direction: Tensor
    projections: Tensor
    acted: int


class Mimic(Attack):
    """Copies one benign node: the farthest out in the direction in which benign models differ the most.

    The direction z is learnt in the first `warmup` rounds t in which the attack acts, by Oja's rule from a random
    start: z <- t/(t+1) z + 1/(t+1) sum_i (x_i - mean) <x_i - mean, z>, scaled to length 1. Models are x^{t+1/2}. All
    attackers send the model of the node with the largest |sum_t <x_i - mean, z>|, summed over the warm-up. From then on
    the node stays the same. A non-finite model has no part in a round's mean and direction. It is copied only where no
    model is finite.

    - `warmup`: the number of rounds in which the direction is learnt

    With `scope: neighbourhood`, each victim receives a benign neighbour's model, or its own back: that of the node
    farthest out among those that are there.

    **Knows** all benign models.

    **Source:** S. P. Karimireddy, L. He, M. Jaggi, *Byzantine-robust learning on heterogeneous datasets via bucketing*
    (ICLR 2022), appendix B.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    warmup: Count = 50

    def init(self, learners: int, d: int) -> MimicState:
        return MimicState(torch.zeros(d), torch.zeros(learners), acted=0)

    def send(self, state: MimicState, view: AttackView) -> tuple[MimicState, Messages]:
        models = view.benign
        if state.acted == 0:
            start = torch.from_numpy(view.stream().standard_normal(models.shape[1], dtype="float32")).to(models.device)
            state = state._replace(direction=start / start.norm())
        is_finite = finite(models)
        if state.acted < self.warmup:
            zeroed = models.masked_fill(~is_finite[:, None], 0.0)
            # <x_i - mean, z> and the weighted sum of x_i - mean, without a copy of all differences.
            along = zeroed @ state.direction
            along = torch.where(is_finite, along - along.sum() / is_finite.sum().clamp(min=1), 0.0)
            step = along @ zeroed  # the mean drops out: the weights add up to 0
            direction = (state.acted * state.direction + step) / (state.acted + 1)
            length = direction.norm()
            direction = torch.where(length > 0, direction / length, state.direction)
            projections = state.projections.index_add(0, view.benign_rows, along)
            state = MimicState(direction, projections, state.acted + 1)
        farness = state.projections[view.benign_rows].abs().masked_fill(~is_finite, -1.0)
        return state, Messages(models.index_select(0, farness.argmax()[None]), torch.zeros_like(view.attacker))
