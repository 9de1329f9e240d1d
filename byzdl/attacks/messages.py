"""The messages of a round: the distinct models that Byzantine nodes send, and the model that each message carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import torch
from torch import Tensor

from byzdl.config.types import RuleError


class Outgoing(Protocol):
    """Says how many messages there are, and who sends them: the part of an `AttackView` that `Messages` needs.

    - `attacker` [E]: of each message, the sender's index among the Byzantine nodes
    - `after` [L, d]: the learners' models, for the type, the device and d
    """

    @property
    def attacker(self) -> Tensor: ...

    @property
    def after(self) -> Tensor: ...


@dataclass(frozen=True)
class Messages:
    """Holds what the Byzantine nodes send in a round: E messages, each with a model.

    Most attacks send the same model many times. So each distinct model is held once.

    - `models` [a, d]: the distinct models
    - `index` [E]: for each message, the row in `models` that it carries. The order of messages is the view's

    >>> messages = Messages(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0, 1, 1]))
    >>> messages.models[messages.index]
    tensor([[1., 2.],
            [3., 4.],
            [3., 4.]])
    """

    models: Tensor
    index: Tensor

    def check(self, messages: int, d: int) -> None:
        """Checks the shapes, for E messages and models of d parameters.

        **Raises:** `RuleError` for other shapes, or another type of `index`.
        """
        if self.models.ndim != 2 or self.models.shape[1] != d:
            raise RuleError(f"Messages.models is {list(self.models.shape)}, but must be [a, d] with d = {d}")
        if self.index.shape != (messages,) or self.index.dtype != torch.long:
            got = f"{list(self.index.shape)} of {self.index.dtype}"
            raise RuleError(f"Messages.index is {got}, but must be [E] = [{messages}] of torch.int64")

    @classmethod
    def same(cls, model: Tensor, view: Outgoing) -> "Messages":
        """Sends one model [d] from every attacker to every victim."""
        return cls(model[None], torch.zeros_like(view.attacker))

    @classmethod
    def by_attacker(cls, models: Tensor, view: Outgoing) -> "Messages":
        """Sends one model per attacker [B, d], the same to all its neighbours."""
        return cls(models, view.attacker)

    @classmethod
    def by_message(cls, models: Tensor) -> "Messages":
        """Sends a separate model in each message [E, d], so that victims may receive different ones."""
        return cls(models, torch.arange(len(models), device=models.device))

    @classmethod
    def joined(cls, parts: Sequence["Messages"]) -> "Messages":
        """Concatenates the messages of all parts, in order; at least one part."""
        # A part with more models than messages keeps only the models that are sent.
        parts = [p if len(p.models) <= len(p.index) else cls.by_message(p.models[p.index]) for p in parts]
        starts = accumulate((len(p.models) for p in parts), initial=0)
        return cls(
            torch.cat([p.models for p in parts]),
            torch.cat([p.index + start for p, start in zip(parts, starts, strict=False)]),
        )
