"""The models that learners send."""

import torch
from torch import Tensor


class Wire:
    """The learners' own models x^{t+1/2}, with room for one message behind them.

    Most attacks send a single model. With room for it, the models on the wire are one matrix without a copy of the others.

    - `own` [L, d]: the learners' models, a view to write to

    >>> wire = Wire(torch.zeros(2, 3))
    >>> wire.own[:] = 1.0
    >>> wire.with_messages(torch.full((1, 3), 9.0))
    tensor([[1., 1., 1.],
            [1., 1., 1.],
            [9., 9., 9.]])
    """

    def __init__(self, like: Tensor):
        """Room for models of the shape [L, d], type and device of `like`, and for one more."""
        self._matrix = like.new_empty(len(like) + 1, like.shape[1])

    @property
    def own(self) -> Tensor:
        return self._matrix[:-1]

    def with_messages(self, messages: Tensor) -> Tensor:
        """The own models, and behind them the messages [a, d]: [L + a, d].

        A single message overwrites the last one. More are copied, together with the own models.
        """
        if len(messages) != 1:
            return torch.cat([self.own, messages])
        self._matrix[-1] = messages[0]
        return self._matrix
