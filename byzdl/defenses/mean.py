"""No defense: plain decentralized SGD."""

from typing import ClassVar

from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Mean(Defense):
    """Averages the own and all received models by Metropolis weights: plain decentralized SGD, no defense.

    x_i + sum_j W_ij (x_j - x_i) with the Metropolis weights W, eq. 3. All received models are mixed in. No other rule
    mixes in non-finite models, too. By itself, the rule is a reference line. Behind a pre-step it is a rule of its own,
    such as nnm and mean. So it takes a pre-step, unlike `local` and `oracle`.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.0]]), [torch.tensor([[1.0], [2.0], [90.0]])])
    >>> Mean().aggregate((), inbox)[1].models  # W_ij = 1/4
    tensor([[23.2500]])

    **Source:** L. Xiao, S. Boyd, *Fast linear iterations for distributed averaging* (2004), for the weights.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")
    rejects_non_finite: ClassVar[bool] = False
    reference: ClassVar[bool] = True

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        weights = inbox.metropolis * inbox.present
        return state, Mix(inbox.combine(weights), inbox.present, weights)
