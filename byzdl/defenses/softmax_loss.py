"""Weights that fall exponentially with the loss on the own data."""

from typing import ClassVar

import torch

from byzdl.config.types import Positive
from byzdl.defenses.base import Defense
from byzdl.exchange import Inbox, Mix


class SoftmaxLoss(Defense):
    """Averages the own and the received models, each with a weight that falls with its loss on the own mini-batch.

    The weights are proportional to exp(-loss_i(x_j) / temperature), over N_i and i: a softmax. No model is rejected,
    but each `temperature` more loss costs a factor of e.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> received = torch.tensor([[1.0], [9.0]])
    >>> inbox = by_hand(torch.tensor([[0.0]]), [received], loss=lambda node, model: 0.7 * model.item())
    >>> _, mix = SoftmaxLoss(temperature=1.0).aggregate((), inbox)  # exp(-0.7) = 0.5, and exp(-6.3) = 0.002
    >>> [round(weight, 3) for weight in mix.weights[0].tolist()]
    [0.331, 0.001]

    - `temperature`: the loss that costs a factor of e. Near 0, the model of least loss has all the weight; a high one
      gives the mean

    **Assumes** that Byzantine models have a loss on the own data that is higher by several `temperature`. The rule
    takes no f. A model of non-finite loss has no weight. A node with a non-finite own model keeps it.

    **Source:** *Distributional and Byzantine robust decentralized federated learning* (OpenReview WeDc8CiLSn), as
    LPE-TSR: local performance evaluation with temperature-scaled softmax reweighting. Only its abstract was at hand. So
    four things are ours: the own model's part in the softmax, the current mini-batch as the data, the loss as the
    measure, and the default temperature.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    temperature: Positive = 0.1

    def aggregate(self, state: tuple[()], inbox: Inbox) -> tuple[tuple[()], Mix]:
        own, received = inbox.losses()
        losses = torch.cat([own[:, None], received], dim=1)
        counted = inbox.members & losses.isfinite() & inbox.members[:, :1]
        # Differences to the least loss, so that not all weights can underflow.
        least = torch.where(counted, losses, torch.inf).amin(1, keepdim=True)
        raw = torch.where(counted, torch.exp((least - losses) / self.temperature), 0.0)
        shares = raw / raw.sum(1, keepdim=True)
        alone = ~counted[:, 1:].any(1)
        own_share = torch.where(alone, 1.0, shares[:, 0])
        weights = torch.where(alone[:, None], 0.0, shares[:, 1:])
        return state, Mix(inbox.combine(weights, own_share), weights > 0, weights)
