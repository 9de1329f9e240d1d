"""NaN and infinity in place of a model."""

from typing import ClassVar, Literal

import torch

from byzdl.attacks.base import Attack
from byzdl.attacks.messages import Messages
from byzdl.attacks.view import AttackView


class Nonfinite(Attack):
    """Sends a model with NaN or infinity in every coordinate.

    A node that mixes it in is lost.

    - `value`: `nan`, `inf`, `-inf`, or `alternating`: +infinity and -infinity in turn, coordinate by coordinate

    **Knows** nothing.

    **Source:** none; every defense must survive it.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    value: Literal["nan", "inf", "-inf", "alternating"] = "nan"

    def send(self, state: tuple[()], view: AttackView) -> tuple[tuple[()], Messages]:
        model = view.benign.new_full(view.benign.shape[1:], float("inf" if self.value == "alternating" else self.value))
        if self.value == "alternating":
            model[1::2] = -torch.inf
        return state, Messages.same(model, view)
