"""Attacks that try out how strong they may be, against the very defense in use."""

from collections.abc import Callable

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor

from byzdl.attacks.base import Attack, AttackView, Knowledge, Messages
from byzdl.config.types import ConfigError, Count, Positive


class Search(Attack):
    """An attack of a strength s that is found anew each round, by rehearsing the defense with every rung of a ladder.

    - `weakest`, `strongest`, `trials`: the ladder, so many strengths from the one to the other at equal ratios; one trial
      is the weakest alone
    - `knowledge`: losses in the rehearsals are those on the victim's own mini-batch (`batch`), which no real attacker has,
      or estimates on the mini-batch of its Byzantine neighbour of lowest number (`data`)

    The harm of a rung is counted victim by victim; a victim whose next model would not be finite is lost, which is worth
    more than any finite harm. Of rungs that do equal harm the weakest is taken: also where a benign model that diverged
    makes all of them alike. A round takes `trials` more runs of the defense; with `scope: neighbourhood` as many for each
    victim, and the strength that is one for all is one for each of them.

    **Knows** what it is told of, and in addition the defense in use: its rule, keys, pre-step and state (thresholds,
    trust), and all models and mini-batches (or estimates of these) that it goes by.
    """

    weakest: Positive = 0.1
    strongest: Positive = 10.0
    trials: Count = 20
    knowledge: Knowledge = "batch"

    @model_validator(mode="after")
    def _ordered(self) -> "Search":
        if self.strongest < self.weakest:
            raise ConfigError.of("strongest", self.strongest, f"a number, at least weakest={self.weakest}")
        return self

    def for_all(
        self, view: AttackView, messages: Callable[[Tensor], Messages], harm: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The one strength [] that does the most harm to all benign victims together, see `for_each`."""
        ladder, harms = self._rehearsed(view, messages, harm)
        best = torch.where(view.harmed, harms, 0.0).sum(1).argmax()
        return ladder.index_select(0, best[None])[0]  # ladder[best] would wait for the device

    def for_each(
        self, view: AttackView, messages: Callable[[Tensor], Messages], harm: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """The strength that does the most harm to each learner [L].

        - `messages`: those of a strength []
        - `harm`: the harm of the learners' next models [L, d]: [L]
        """
        ladder, harms = self._rehearsed(view, messages, harm)
        return ladder[harms.argmax(0)]

    def _rehearsed(
        self, view: AttackView, messages: Callable[[Tensor], Messages], harm: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The ladder [s], and the harm of its rungs to every learner, float64 [s, L]."""
        rungs = np.geomspace(self.weakest, self.strongest, self.trials, dtype=np.float32)
        ladder = torch.from_numpy(rungs).to(view.after.device)
        if not len(view.attacker):  # nobody to harm
            return ladder, view.after.new_zeros(self.trials, len(view.after), dtype=torch.float64)
        harms = torch.stack([harm(view.rehearse(messages(s), self.knowledge).models) for s in ladder])
        return ladder, torch.where(harms.isfinite(), harms, torch.inf)


def squared_distances(models: Tensor, origins: Tensor) -> Tensor:
    """||x_i - o_i||^2 of models [L, d] and origins [L, d] or [d]: float64 [L]."""
    squared: Tensor = torch.linalg.vector_norm(models - origins, dim=1, dtype=torch.float64).square()
    return squared
