"""The paper's method with a guard at its fall-back: ours, no published rule."""

import math

from torch import Tensor

from byzdl.config.types import NonNegative
from byzdl.defenses.loss_threshold import LossThreshold
from byzdl.exchange import Inbox


class Guarded(LossThreshold):
    """loss_threshold whose fall-back chooses nobody rather than somebody who is no good.

    Where loss_threshold takes the neighbour of least loss, whatever that loss is, here it must be below the own
    one by more than `margin`, or below log C, the loss of guessing among C classes. Else the node stays alone.

    - `margin`: how much better than the own loss is good enough, whatever chance is
    - all others: loss_threshold's

    **Assumes** nothing about the number of Byzantine neighbours; that their models, where they do harm, are
    worse than guessing. While theta is at most `margin`, whoever is better by more has passed eq. 4 already,
    and chance alone decides.

    **Source:** ours; a variant of S. Masuda, K. Shudo, *Loss Based Byzantine Resilience for Decentralized
    Learning*, eq. 5, which has no such guard.
    """

    margin: NonNegative = 0.0

    def eligible(self, own: Tensor, losses: Tensor, inbox: Inbox) -> Tensor:
        return inbox.valid & ((own[:, None] - losses > self.margin) | (losses < math.log(inbox.classes)))
