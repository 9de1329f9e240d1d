"""Attacks that search for their strength, by rehearsals of the defense in use."""

from collections.abc import Callable

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView, Knowledge
from byzdl.config.types import ConfigError, Count, Positive


class Search(Attack):
    """Searches a ladder for the strength that does the most harm: the base class of attacks that rehearse.

    In each round, the attack rehearses the defense in use with every rung s of the ladder, and takes the most harmful
    one.

    Harm is counted per victim. A victim is lost if its next model would not be finite; this counts more than any finite
    harm. Of equally harmful rungs the weakest is taken, also where a diverged benign model makes all of them equal.

    A round costs `trials` additional runs of the defense; with `scope: neighbourhood`, as many for each victim. A
    strength for all victims is then one for each of them.

    - `weakest`: the lowest rung of the ladder
    - `strongest`: the highest rung of the ladder
    - `trials`: the number of rungs, at equal ratios from the lowest to the highest; one trial is the lowest alone
    - `knowledge`: the data for losses in rehearsals. `batch`: the victim's own mini-batch, which no real attacker has.
      `data`: an estimate, on the mini-batch of the victim's lowest-numbered Byzantine neighbour

    **Knows** what the attack itself states, and the defense in use: its rule, keys, pre-step and state (thresholds,
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
        """Returns the strength [] that does the most harm to all benign victims in total.

        - `messages`, `harm`: see `for_each`
        """
        ladder, harms = self._rehearsed(view, messages, harm)
        best = torch.where(view.harmed, harms, 0.0).sum(1).argmax()
        return ladder.index_select(0, best[None])[0]  # ladder[best] would make the host wait for the device

    def for_each(
        self, view: AttackView, messages: Callable[[Tensor], Messages], harm: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Returns, for each learner, the strength that does the most harm to it [L].

        - `messages`: a function from a strength [] to the messages
        - `harm`: a function from the learners' next models [L, d] to their harm [L]
        """
        ladder, harms = self._rehearsed(view, messages, harm)
        return ladder[harms.argmax(0)]

    def _rehearsed(
        self, view: AttackView, messages: Callable[[Tensor], Messages], harm: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Returns the ladder [s], and the harm of each rung to each learner, float64 [s, L]."""
        rungs = np.geomspace(self.weakest, self.strongest, self.trials, dtype=np.float32)
        ladder = torch.from_numpy(rungs).to(view.after.device)
        if not len(view.attacker):
            return ladder, view.after.new_zeros(self.trials, len(view.after), dtype=torch.float64)
        trials = [messages(s) for s in ladder]
        harms = torch.stack([harm(mix.models) for mix in view.rehearse_each(trials, self.knowledge)])
        return ladder, torch.where(harms.isfinite(), harms, torch.inf)


def squared_distances(models: Tensor, origins: Tensor) -> Tensor:
    """Computes ||x_i - o_i||^2, for models [L, d] and origins [L, d] or [d]: float64 [L].

    >>> squared_distances(torch.tensor([[3.0, 4.0], [0.0, 1.0]]), torch.zeros(2))
    tensor([25.,  1.], dtype=torch.float64)
    """
    squared: Tensor = torch.linalg.vector_norm(models - origins, dim=1, dtype=torch.float64).square()
    return squared
