"""Neurotoxin: a backdoor in the parameters that benign nodes hardly move."""

import math
from typing import ClassVar

import torch

from byzdl.attacks.backdoor import Backdoor
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import ProperShare


class Neurotoxin(Backdoor):
    """Sends the update of a backdoor, but for the coordinates that the benign mean update moves the most.

    The message is x^t + boost P(x^{t+1/2} - x^t) of the attacker's own model, which trains on images with a trigger. P
    sets the `top` share of the coordinates to 0: those of the largest |mean(x^{t+1/2} - x^t)| over the benign models.
    Benign nodes hardly move the rest, so a backdoor there lasts longer.

    >>> import torch
    >>> import byzdl
    >>> before, after = torch.zeros(1, 4), torch.tensor([[5.0, -6.0, 1.0, -2.0]])  # the benign model moves most in two
    >>> own = torch.full((1, 4), 3.0)
    >>> keys = {"previous": before, "own": own, "own_previous": torch.ones(1, 4)}
    >>> byzdl.attack(Neurotoxin(top=0.5), after, byzantine=1, **keys).models[0, 0]
    tensor([1., 1., 3., 3.])

    - `top`: the share of coordinates that stay as they are, rounded down. Among equals at its end, all are moved

    The keys of the trigger, `target`, `size` and `share`, are those of `Trigger`, and `boost` is that of `Backdoor`.

    **Knows** its own data, and the mean update of the benign models.

    **Source:** Z. Zhang et al., *Neurotoxin: durable backdoors in federated learning* (ICML 2022), Algorithm 1.
    Deviations: they mask each step of the attacker's training, here it is the update that is sent. They go by the
    server's last update; here it is the benign mean's of the same round. They also clip the update's norm.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    top: ProperShare = 0.05

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        moved = (view.benign.mean(0) - view.previous.mean(0)).abs()
        kept = len(moved) - math.floor(self.top * len(moved) + 1e-9)  # 0.07 * 100 is a little above 7
        quiet = moved <= moved.kthvalue(kept).values
        update = torch.where(quiet, view.own - view.own_previous, 0.0)
        return state, Messages.by_attacker(view.own_previous + self.boost * update, view)
