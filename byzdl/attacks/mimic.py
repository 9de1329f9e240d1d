"""Copy the benign node whose data are the most unlike the others'."""

from typing import NamedTuple

import torch
from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.schema import Count


class MimicState(NamedTuple):
    """What was learnt so far.

    - `direction` [d]: the estimate of the leading direction of the benign models' spread, a unit vector
    - `standing` [h]: every benign node's projections on it, added up
    """

    direction: Tensor
    standing: Tensor


class Mimic(Attack):
    """All attackers copy one benign model x^{t+1/2}: that of the node that stands farthest out.

    In the first `warmup` rounds t the direction z in which benign models differ most is learnt by Oja's rule,
    z <- t/(t+1) z + 1/(t+1) sum_i (x_i - mean) <x_i - mean, z>, scaled to 1, from a random start. Copied is the node
    of the largest |sum_t <x_i - mean, z>|, summed over the warm-up; from then on it is the same one.

    - `warmup`: rounds

    **Knows** all benign models.

    **Source:** S. P. Karimireddy, L. He, M. Jaggi, *Byzantine-robust learning on heterogeneous datasets via bucketing*
    (ICLR 2022), appendix B.
    """

    warmup: Count = 50

    def send(self, state: MimicState | tuple[()], view: AttackView) -> tuple[MimicState, Messages]:
        models = view.benign
        if not isinstance(state, MimicState):
            start = torch.from_numpy(view.stream().standard_normal(models.shape[1], dtype="float32")).to(models.device)
            state = MimicState(start / start.norm(), models.new_zeros(len(models)))
        if view.round < self.warmup:
            # <x_i - mean, z> and the weighted sum of x_i - mean, without a copy of all models.
            along = models @ state.direction
            along = along - along.mean()
            step = along @ models  # the mean drops out: the weights add up to 0
            direction = (view.round * state.direction + step) / (view.round + 1)
            length = direction.norm()
            direction = torch.where(length > 0, direction / length, state.direction)
            state = MimicState(direction, state.standing + along)
        return state, Messages(
            models.index_select(0, state.standing.abs().argmax()[None]), torch.zeros_like(view.attacker)
        )
