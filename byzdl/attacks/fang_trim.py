"""Fang's attack on trimmed means: every coordinate just beyond the benign ones, against their progress."""

from typing import Annotated, ClassVar

import torch

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView
from byzdl.config.types import Real, takes


class FangTrim(Attack):
    """Sends models just beyond the benign ones, in each coordinate on the side that the benign mean moves away from.

    Where the mean of the benign models rises in the local step, a message lies below all benign models x^{t+1/2}: it is
    drawn uniformly from [min / b, min] for a minimum above 0, and from [b min, min] for one below. Where the mean falls
    or stays, it is drawn from [max, b max], or from [max, max / b] for a maximum below 0. Each attacker draws its own
    model, new in every round, and sends it to all its neighbours.

    >>> import torch
    >>> import byzdl
    >>> before, after = torch.tensor([[1.0, 5.0]] * 2), torch.tensor([[4.0, 3.0], [8.0, 2.0]])
    >>> sent = byzdl.attack(FangTrim(), after, byzantine=1, previous=before).models[0, 0]
    >>> bool(2 <= sent[0] <= 4), bool(3 <= sent[1] <= 6)  # the first coordinate rises, the second one falls
    (True, True)

    - `b`: the factor from the benign extreme to the far end of the interval; at 1, the extreme itself is sent

    **Knows** all benign models, after and before their local step.

    **Source:** M. Fang, X. Cao, J. Jia, N. Gong, *Local model poisoning attacks to Byzantine-robust federated learning*
    (USENIX Security 2020), attack on trimmed mean and median with full knowledge. Deviation: a server's model moves from
    round to round, and the attack goes against this; here it goes against the benign mean's local step.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("scale",)

    b: Annotated[Real, takes("a number, at least 1", lambda v: v >= 1)] = 2.0

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        low, high = view.benign.amin(0), view.benign.amax(0)
        rises = view.benign.mean(0) > view.previous.mean(0)
        near = torch.where(rises, low, high)
        far = near * torch.where(rises == (near > 0), 1 / self.b, self.b)
        drawn = torch.from_numpy(view.stream().random((view.byzantine, len(near)), dtype="float32")).to(near.device)
        return state, Messages.by_attacker(torch.lerp(near, far, drawn), view)
