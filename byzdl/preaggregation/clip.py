"""Static clipping: no received model is farther from the own one than a number."""

from byzdl.config.types import Positive
from byzdl.exchange import Inbox
from byzdl.preaggregation.base import Blend, Preaggregation
from byzdl.preaggregation.clipping import clipping


class Clip(Preaggregation):
    """Clips the difference between each received model and the own one to a norm of at most `norm`.

    A model farther away is moved towards the own one, x_i + (x_j - x_i) norm / ||x_j - x_i||. The own model stays.

    >>> import torch
    >>> from byzdl.exchange import by_hand
    >>> from byzdl.preaggregation import blended
    >>> inbox = by_hand(torch.zeros(1, 2), [torch.tensor([[1.0, 0.0], [30.0, 40.0]])])
    >>> blended(inbox, Clip(norm=5.0).blend(inbox)).models[1:]
    tensor([[1., 0.],
            [3., 4.]])

    - `norm`: the largest norm

    **Assumes** that benign models differ by less than `norm`. A model that is not finite stays as it is. If the own
    model is not finite, all stay.

    **Source:** the clipping that Y. Allouah et al., *Adaptive gradient clipping for robust federated learning* (ICLR
    2025, arXiv 2405.14432) compare ARC with; ByzFL's Clipping. There, gradients are clipped. Here these are differences
    to the own model after its local step, the centre of clipped gossip, too: so each clipped model is a mean of models
    in the pool.
    """

    norm: Positive = 2.0

    def blend(self, inbox: Inbox) -> Blend:
        distances = inbox.distances()
        return clipping(inbox, distances, distances.new_full((len(distances),), self.norm))
