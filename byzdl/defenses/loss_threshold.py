"""The paper's method: Masuda and Shudo's defense."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import model_validator
from torch import Tensor

from byzdl.config.types import ConfigError, Count, Positive, Real, Share
from byzdl.defenses.base import Defense, OwnScores
from byzdl.exchange import Conditions, Inbox, Mix
from byzdl.vectors.selection import smallest

FALLS = 10_000  # the most steps from theta to theta_min


class LossThresholdState(NamedTuple):
    """Per learner, each [L].

    - `theta`: the threshold; `level`: the number of its falls so far
    - `best`: the least monitored value so far
    - `stale`: epochs in a row without a new `best`
    - `detected`: whether overfitting was ever detected
    """

    theta: Tensor
    level: Tensor
    best: Tensor
    stale: Tensor
    detected: Tensor


class LossThreshold(Defense):
    """Mixes in the models that beat the own loss by theta, a threshold that falls with overfitting.

    Selects j if loss_i(own) - loss_i(j) >= theta_i (eq. 4), with a fall-back after overfitting (eq. 5), and mixes the
    mean of the selected models with the own model by alpha (eq. 6-7).

    Overfitting is detected when the monitored value of a node's own model has not fallen below its minimum so
    far for `patience` epochs in a row. Then theta_i falls by a step, and the count starts again. From a node's first detection
    on, if no neighbour passes eq. 4, the node selects the neighbour of least loss.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[0.5], [0.95], [2.0]])
    >>> inbox = by_hand(torch.tensor([[1.0]]), [received], loss=lambda node, model: model.item())
    >>> rule = LossThreshold(theta=0.1)
    >>> _, mix = rule.aggregate(rule.init(1, 3), inbox)  # gains of 0.5, 0.05 and -1
    >>> mix.selected.tolist(), mix.models.tolist()
    ([[True, False, False]], [[0.75]])

    - `alpha`: weight of the own model in the mix
    - `theta`: the first threshold: the margin by which a neighbour's model must beat a node's own loss to be accepted
    - `theta_step`: how much theta falls at a detection
    - `theta_min`: the least theta
    - `patience`: epochs without improvement until overfitting is detected
    - `monitor`: `test` (the paper: every node measures the test error) or `validation` (a hold-out of the node's own
      data, no leakage; needs `partition.validation`)
    - `monitor_metric`: `error` (the paper's word) or `loss`
    - `screen`: losses on `batch` (the current mini-batch, as eq. 4 writes it) or `fresh` (another one)

    **Assumes** nothing about the number of Byzantine neighbours.

    **Source:** S. Masuda, K. Shudo, *Loss Based Byzantine Resilience for Decentralized Learning*, eq. 4-7.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    alpha: Share = 0.5
    theta: Real = 0.1
    theta_step: Positive = 0.1
    theta_min: Real = -0.1
    patience: Count = 5
    monitor: Literal["test", "validation"] = "test"
    monitor_metric: Literal["error", "loss"] = "error"
    screen: Literal["batch", "fresh"] = "batch"

    @model_validator(mode="after")
    def _ordered(self) -> "LossThreshold":
        if self.theta_min > self.theta:
            raise ConfigError.of("theta_min", self.theta_min, f"a number, at most theta={self.theta}")
        if not (self.theta - self.theta_min) / self.theta_step <= FALLS:
            raise ConfigError.of(
                "theta_step", self.theta_step, f"large enough to reach theta_min from theta in at most {FALLS} steps"
            )
        return self

    def check(self, conditions: Conditions) -> None:
        if self.monitor == "validation" and conditions.validation == 0:
            raise ConfigError.of("defense.monitor", self.monitor, "test, unless partition.validation is above 0")

    @property
    def thetas(self) -> list[float]:
        """All values of theta in order, exact in decimal: by default 0.1, 0, -0.1."""
        start, step, least = (Decimal(str(v)) for v in (self.theta, self.theta_step, self.theta_min))
        falls = int((start - least) // step)
        exact = [start - i * step for i in range(falls + 1)]
        return [float(v) for v in (exact if exact[-1] == least else [*exact, least])]

    def init(self, learners: int, neighbours: int) -> LossThresholdState:
        return LossThresholdState(
            theta=torch.full((learners,), self.thetas[0], dtype=torch.float64),
            level=torch.zeros(learners, dtype=torch.long),
            best=torch.full((learners,), torch.inf, dtype=torch.float64),
            stale=torch.zeros(learners, dtype=torch.long),
            detected=torch.zeros(learners, dtype=torch.bool),
        )

    def aggregate(self, state: LossThresholdState, inbox: Inbox) -> tuple[LossThresholdState, Mix]:
        own, losses = inbox.losses(fresh=self.screen == "fresh")
        passes = losses.isfinite() & (own[:, None] - losses >= state.theta[:, None])  # eq. 4
        least = smallest(losses, 1, among=losses.isfinite() & self.eligible(own, losses, inbox))
        fallback = state.detected & ~passes.any(1) & least.any(1)  # eq. 5
        selected = torch.where(fallback[:, None], least, passes)
        return state, inbox.mix(selected, self.alpha, fallback)

    def eligible(self, own: Tensor, losses: Tensor, inbox: Inbox) -> Tensor:
        """Masks the neighbours open to the fall-back [L, k]: here, every valid one.

        - `own` [L], `losses` [L, k]: losses of the own and the received models, +infinity where not finite
        """
        return inbox.valid

    def end_epoch(self, state: LossThresholdState, ended: Tensor, own_scores: OwnScores) -> LossThresholdState:
        value = own_scores(self.monitor, self.monitor_metric)
        improved = ended & (value < state.best)
        stale = torch.where(improved, 0, state.stale + ended)
        overfits = ended & (stale >= self.patience)
        level = (state.level + overfits).clamp(max=len(self.thetas) - 1)
        return LossThresholdState(
            theta=torch.tensor(self.thetas, dtype=torch.float64, device=level.device)[level],
            level=level,
            best=torch.where(improved, value, state.best),
            stale=torch.where(overfits, 0, stale),
            detected=state.detected | overfits,
        )

    def report(self, state: LossThresholdState) -> Mapping[str, Tensor]:
        return {"theta": state.theta}
