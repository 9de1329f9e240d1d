"""Credibility: trust in each neighbour, earned parameter by parameter."""

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
    """x_i / (|N_i| + 1) + (1 - 1 / (|N_i| + 1)) sum_j w_ij x_j, with w_ij = q_ij / sum_j q_ij by trust q_ij.

    Trust is 1 at first and lives on from round to round. In each round the parameters are visited in blocks;
    per block q_ij <- q_ij + s (r_ij - q_ij) for the reward r_ij = w_ij exp(-sharpness |mean of x_j - x_i over
    the block|), normalised over j. The step s starts at `step` and falls by `step_fall` a block, down to 0.

    - `block`: parameters in one
    - `sharpness`: how fast the reward falls with the difference
    - `step`, `step_fall`: of the trust

    **Assumes** that the benign differ, on the mean over a block, by about 1 / sharpness, and attackers by much
    more. It is told no f. A model that is not finite weighs nothing in its round, has no reward, and its trust
    falls; |N_i| then counts those that are finite. Where none is, the own model and all trust stay. So does
    the trust in whoever is no neighbour at the moment, or whose message was lost: on a graph that is redrawn,
    who comes for the first time is trusted at 1, more than who has been judged.

    **Source:** after J. Hou et al., *Credibility assessment based Byzantine-resilient decentralized learning*
    (IEEE TDSC 2022, https://doi.org/10.1109/tdsc.2022.3183337), as public code of a co-author has it. Rewards are computed relative to the nearest
    neighbour's, which normalising undoes, so that they cannot all underflow to 0 / 0; in that code all trust then stays.
    There the step has fallen once before the first block.
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
        learns = inbox.present & valid.any(1, keepdim=True)
        own = torch.arange(len(valid), device=valid.device)[:, None]
        for start in range(0, inbox.models.shape[1], self.block):
            if step <= 0:
                break
            means = inbox.models[:, start : start + self.block].mean(1, dtype=torch.float64)
            apart = torch.where(valid, (means[inbox.rows] - means[own]).abs(), torch.inf)
            behind = torch.where(valid, apart - _least(apart), torch.inf)
            reward = _shares(_shares(trust * valid) * torch.where(valid, torch.exp(-self.sharpness * behind), 0.0))
            trust = torch.where(learns, trust + step * (reward - trust), trust)
            # Decimal steps of so many blocks: 0.1 less a hundred times 0.001 is 0, and not 1e-17.
            step = round(step - self.step_fall, 12)
        degree = valid.sum(1, keepdim=True)
        weights = _shares(trust * valid) * (degree / (degree + 1))
        return CredibilityState(trust), Mix(inbox.combine(weights), valid, weights)


def _least(values: Tensor) -> Tensor:
    """The least of each row [L, 1]; +infinity of none."""
    return torch.cat([torch.full_like(values[:, :1].sum(1, keepdim=True), torch.inf), values], dim=1).amin(1, True)


def _shares(values: Tensor) -> Tensor:
    """Each row of non-negative values over its sum; 0 where that is 0."""
    total = values.sum(1, keepdim=True)
    return torch.where(total > 0, values / total, 0.0)
