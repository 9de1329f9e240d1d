"""A fault: models that are out of date."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Count


class StaleState(NamedTuple):
    """The models of the last rounds.

    - `begun`: whether there was a round yet
    - `past`: `delay` tensors [L, d], the learners' x^{t+1/2} of the last rounds, the oldest first
    """

    begun: bool
    past: tuple[Tensor, ...]


class Stale(Attack):
    """Sends the node's own model of `delay` rounds ago: a slow node, or a slow link.

    Faulty nodes train and aggregate as benign ones do, but their models x^{t+1/2} arrive late. In the first `delay`
    rounds, they send their first one again and again. Only rounds in which the attack acts count.

    - `delay`: the age of what is sent, in rounds

    The models of `delay` rounds stay in memory.

    **Knows** its own data alone.

    **Source:** none; a fault that every defense should survive.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    delay: Count = 10

    follows_protocol: ClassVar[bool] = True

    def init(self, learners: int, d: int) -> StaleState:
        return StaleState(False, (torch.zeros(learners, d),) * self.delay)

    def send(self, state: StaleState, view: AttackView) -> tuple[StaleState, Messages]:
        # All learners' models, as they are in memory anyway: a copy of the faulty ones would be one more.
        oldest, *later = state.past if state.begun else (view.after,) * self.delay
        return StaleState(True, (*later, view.after)), Messages.by_attacker(oldest[view.byzantine_rows], view)
