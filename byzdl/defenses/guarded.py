"""The paper's method with a guard at its fall-back: ours, no published rule."""

import math

from torch import Tensor

from byzdl.config.types import NonNegative
from byzdl.defenses.loss_threshold import LossThreshold
from byzdl.exchange import Inbox


class Guarded(LossThreshold):
    """Acts as loss_threshold, but falls back only to a model that beats the own model or guessing.

    loss_threshold falls back to the neighbour of least loss, at any loss. Here this loss must be below the own loss by
    more than `margin`, or below log C, the loss of guessing among C classes (in a
    regression below 1, that of the mean target). Otherwise the node keeps its own model.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> inbox = by_hand(torch.tensor([[0.1]]), [torch.tensor([[0.5], [0.9]])], loss=lambda node, model: model.item())
    >>> state = Guarded().init(1, 2)._replace(detected=torch.tensor([True]))
    >>> Guarded().aggregate(state, inbox)[1].selected  # worse than the own loss, 0.1, but better than log 2 = 0.69
    tensor([[ True, False]])

    - `margin`: a gain over the own loss above this is enough, even for a loss above chance
    - all others: see `LossThreshold`

    **Assumes** nothing about the number of Byzantine neighbours, but that their models, if harmful, are worse than
    guessing. While theta is at most `margin`, a neighbour with a gain above `margin` has passed eq. 4 already, and
    chance alone decides.

    **Source:** ours; a variant of S. Masuda, K. Shudo, *Loss Based Byzantine Resilience for Decentralized
    Learning*, eq. 5, which has no such guard.
    """

    margin: NonNegative = 0.0

    def eligible(self, own: Tensor, losses: Tensor, inbox: Inbox) -> Tensor:
        guess = math.log(inbox.classes) if inbox.classes else 1.0
        return inbox.valid & ((own[:, None] - losses > self.margin) | (losses < guess))
