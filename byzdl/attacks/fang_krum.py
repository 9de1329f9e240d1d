"""Fang's attack on Krum: as far against the benign progress as the victim's defense still follows."""

import math
from typing import ClassVar

import torch

from byzdl.attacks.messages import Messages
from byzdl.attacks.search import Search
from byzdl.attacks.view import AttackView
from byzdl.config.types import Positive


class FangKrum(Search):
    """Sends each victim the model that moves it the farthest against the signs of the benign progress.

    The message is m - lambda s. m is the mean of the benign models x^t, and s = sign(mean(x^{t+1/2}) - m) is the direction
    of their progress, coordinate by coordinate. For each victim, lambda is the rung of a ladder at which the victim's
    next model x has the largest deviation s' (m - x). All Byzantine neighbours of a victim send it the same model.

    A rejected model moves nobody. So against a rule that accepts or rejects, as Krum does, lambda is the largest one that
    is still accepted. Against any other rule, it is the one that does the most harm.

    >>> import torch
    >>> import byzdl
    >>> before, after = torch.zeros(2, 1), torch.tensor([[1.0], [3.0]])  # m = 0, s = 1; the farthest benign model is at 3
    >>> byzdl.attack(FangKrum(strongest=2.0, trials=1, weakest=2.0), after, byzantine=1, previous=before).models[0, 0]
    tensor([-6.])

    The rungs are multiples of the largest distance of a benign model x^{t+1/2} from m: at 1, the message is as far from m
    as the farthest benign model. The keys of the search, `weakest`, `strongest`, `trials` and `knowledge`, are those of
    `Search`.

    **Knows** all benign models, after and before their local step, and the defense in use with all that it goes by.

    **Source:** M. Fang, X. Cao, J. Jia, N. Gong, *Local model poisoning attacks to Byzantine-robust federated learning*
    (USENIX Security 2020), attack on Krum with full knowledge. Deviations: their server's last model is m here. They
    halve lambda from a bound on what Krum can accept; here it is a ladder, as the defense may be any. Their attackers
    send models a little apart; here these are equal, the least that their condition allows.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    weakest: Positive = 0.01

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        m = view.previous.mean(0)
        s = (view.benign.mean(0) - m).sign()
        farthest = torch.linalg.vector_norm(view.benign - m, dim=1, dtype=torch.float64).max()
        step = (farthest / math.sqrt(len(m))).to(m.dtype) * s
        strengths = self.for_each(
            view,
            lambda strength: Messages.same(m - strength * step, view),
            lambda models: (m - models).double() @ s.double(),
        )
        return state, Messages(m - strengths[:, None] * step, view.victim_row)
