"""Copy the benign node whose data are the most unlike the others'."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Messages
from byzdl.config.types import Count
from byzdl.vectors.blocks import finite


class MimicState(NamedTuple):
    """What was learnt so far.

    - `direction` [d]: the estimate of the leading direction of the benign models' spread, a unit vector
    - `standing` [L]: the projections on it of every learner that is benign and was seen, added up
    - `acted`: the rounds in which it acted
    """

    direction: Tensor
    standing: Tensor
    acted: int


class Mimic(Attack):
    """All attackers copy one benign model x^{t+1/2}: that of the node that stands farthest out.

    In the first `warmup` rounds t in which it acts the direction z in which benign models differ most is learnt by Oja's rule,
    z <- t/(t+1) z + 1/(t+1) sum_i (x_i - mean) <x_i - mean, z>, scaled to 1, from a random start. Copied is the node
    of the largest |sum_t <x_i - mean, z>|, summed over the warm-up; from then on it is the same one. A model that is not finite
    has no part in a round's mean and direction, and is not copied while there is another.

    - `warmup`: rounds

    With `scope: neighbourhood` each victim gets a benign neighbour's model or its own back, whichever stood farthest out of
    those that are there.

    **Knows** all benign models.

    **Source:** S. P. Karimireddy, L. He, M. Jaggi, *Byzantine-robust learning on heterogeneous datasets via bucketing*
    (ICLR 2022), appendix B.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    warmup: Count = 50

    def init(self, learners: int, d: int) -> MimicState:
        return MimicState(torch.zeros(d), torch.zeros(learners), acted=0)

    def send(self, state: MimicState, view: AttackView) -> tuple[MimicState, Messages]:
        models, known = view.benign, state
        if known.acted == 0:
            start = torch.from_numpy(view.stream().standard_normal(models.shape[1], dtype="float32")).to(models.device)
            known = known._replace(direction=start / start.norm())
        there = finite(models)
        if known.acted < self.warmup:
            seen = models.masked_fill(~there[:, None], 0.0)
            # <x_i - mean, z> and the weighted sum of x_i - mean, without a copy of all differences.
            along = seen @ known.direction
            along = torch.where(there, along - along.sum() / there.sum().clamp(min=1), 0.0)
            step = along @ seen  # the mean drops out: the weights add up to 0
            direction = (known.acted * known.direction + step) / (known.acted + 1)
            length = direction.norm()
            direction = torch.where(length > 0, direction / length, known.direction)
            standing = known.standing.index_add(0, view.benign_rows, along)
            known = MimicState(direction, standing, known.acted + 1)
        standing = known.standing[view.benign_rows].abs().masked_fill(~there, -1.0)
        return known, Messages(models.index_select(0, standing.argmax()[None]), torch.zeros_like(view.attacker))
