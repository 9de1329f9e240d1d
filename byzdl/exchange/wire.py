"""The models that the learners send."""

from typing import Any

import torch
from torch import Tensor


class Wire:
    """Holds the learners' own models x^{t+1/2} in one matrix, with room for one message behind them.

    Most attacks send a single model. The spare row saves a copy of the own models.

    - `own` [L, d]: the learners' models, a view to write to
    - `before` [L, d]: the learners' models before their local step, x^t
    - `remembers`: whether losses of the own models are kept for later questions
    - `known`: these losses

    >>> wire = Wire(torch.zeros(2, 3), before=torch.zeros(2, 3))
    >>> wire.own[:] = 1.0
    >>> wire.with_messages(torch.full((1, 3), 9.0))
    tensor([[1., 1., 1.],
            [1., 1., 1.],
            [9., 9., 9.]])
    """

    def __init__(self, like: Tensor, before: Tensor):
        """Allocates L + 1 models, with the d, type and device of `like` [L, d]."""
        self._matrix = like.new_empty(len(like) + 1, like.shape[1])
        self.before = before
        self.remembers = False
        self.known: dict[tuple[Any, ...], Tensor] = {}

    @property
    def own(self) -> Tensor:
        """The own models [L, d], a view."""
        return self._matrix[:-1]

    def with_messages(self, messages: Tensor) -> Tensor:
        """Returns the own models, and behind them the messages [a, d]: [L + a, d].

        A single message overwrites the previous one in place. Several messages cause a copy, with the own models.
        """
        if len(messages) != 1:
            return torch.cat([self.own, messages])
        self._matrix[-1] = messages[0]
        return self._matrix
