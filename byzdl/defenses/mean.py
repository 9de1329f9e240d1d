"""No defense: plain decentralized SGD."""

from typing import ClassVar

from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class Mean(Defense):
    """x_i + sum_j W_ij (x_j - x_i) with Metropolis weights, eq. 3: everything that comes in is mixed in.

    The only rule that mixes in models with non-finite values, too. A line to compare with as it stands; behind a pre-step it is a
    rule of its own, such as nnm and mean, which is why it takes one where `local` and `oracle` do not.

    **Source:** L. Xiao, S. Boyd, *Fast linear iterations for distributed averaging* (2004), for the weights.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")
    rejects_non_finite: ClassVar[bool] = False
    reference: ClassVar[bool] = True

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        weights = inbox.metropolis * inbox.present
        return state, Mix(inbox.combine(weights), inbox.present, weights)
