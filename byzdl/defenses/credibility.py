"""Credibility: a trust in each neighbour, earned block by block."""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.config.types import Count, NonNegative, Positive, Share
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class CredibilityState(NamedTuple):
    """Trust q_ij in each neighbour [L, k], float64."""

    trust: Tensor


class Credibility(Defense):
    """Weighs each neighbour by trust, which it earns over the rounds by parameters near its own.

    x_i / (|N_i| + 1) + (1 - 1 / (|N_i| + 1)) sum_j w_ij x_j, with w_ij = q_ij / sum_j q_ij from the trust q_ij.

    Trust is 1 at first and persists from round to round. In each round, the parameters are visited in blocks. Each
    block updates q_ij <- q_ij + s (r_ij - q_ij). The reward is r_ij = w_ij exp(-sharpness |mean of x_j - x_i over the
    block|), normalised over j. Within a round, the step s falls from `step` by `step_fall` per block, down to 0.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> rule, inbox = Credibility(), by_hand(torch.zeros(1, 2), [torch.tensor([[0.0, 0.0], [1.0, 1.0]])])
    >>> state, mix = rule.aggregate(rule.init(1, 2), inbox)
    >>> state.trust
    tensor([[1.0000, 0.9000]], dtype=torch.float64)

    - `block`: parameters per block
    - `sharpness`: how fast the reward falls with the difference
    - `step`: the step of the trust at the first block of a round
    - `step_fall`: how much the step falls per block

    **Assumes** that benign models differ, on the mean over a block, by about 1 / sharpness, and attackers' models by
    much more. The rule takes no f. A non-finite model has no weight and no reward in its round, and its trust falls;
    |N_i| then counts the finite models. Where none is finite, or the own model is not, the own model and all trust
    stay. Trust also stays for a node that is no neighbour at the moment, and for one with a lost message. On a
    redrawn graph, a first-time neighbour is trusted at 1, more than one that has been judged.

    **Source:** after J. Hou et al., *Credibility assessment based Byzantine-resilient decentralized learning* (IEEE
    TDSC 2022, https://doi.org/10.1109/tdsc.2022.3183337), as implemented in public code of a co-author. Here, rewards
    are relative to that of the nearest neighbour. Normalisation cancels this, but without it all rewards can
    underflow to 0 / 0; in that code, all trust then stays. In that code, the step has fallen once before the first
    block.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation",)

    knows_neighbours: ClassVar[bool] = True

    block: Count = 5120
    sharpness: NonNegative = 1000.0
    step: Share = 0.1
    step_fall: Positive = 0.001

    def init(self, learners: int, neighbours: int) -> CredibilityState:
        return CredibilityState(torch.ones(learners, neighbours, dtype=torch.float64))

    def report(self, state: CredibilityState) -> Mapping[str, Tensor]:
        return {"trust": state.trust}

    def aggregate(self, state: CredibilityState, inbox: Inbox) -> tuple[CredibilityState, Mix]:
        trust, step = state.trust, self.step
        valid = inbox.valid & inbox.members[:, :1]
        judged = inbox.present & valid.any(1, keepdim=True)
        for start in range(0, inbox.models.shape[1], self.block):
            if step <= 0:
                break
            means = inbox.models[:, start : start + self.block].mean(1, dtype=torch.float64)
            distance = torch.where(valid, (means[inbox.rows] - means[inbox.pool[:, :1]]).abs(), torch.inf)
            excess = torch.where(valid, distance - _least(distance), torch.inf)
            reward = _shares(_shares(trust * valid) * torch.where(valid, torch.exp(-self.sharpness * excess), 0.0))
            trust = torch.where(judged, trust + step * (reward - trust), trust)
            # Without rounding, 0.1 less a hundred times 0.001 would be some 1e-17 instead of 0.
            step = round(step - self.step_fall, 12)
        degree = valid.sum(1, keepdim=True)
        weights = _shares(trust * valid) * (degree / (degree + 1))
        return CredibilityState(trust), Mix(inbox.combine(weights), valid, weights)


def _least(values: Tensor) -> Tensor:
    """Takes the least value of each row [L, 1]; +infinity if the row has none."""
    return torch.cat([torch.full_like(values[:, :1].sum(1, keepdim=True), torch.inf), values], dim=1).amin(1, True)


def _shares(values: Tensor) -> Tensor:
    """Divides each row of non-negative values by its sum; 0 where the sum is 0."""
    total = values.sum(1, keepdim=True)
    return torch.where(total > 0, values / total, 0.0)
