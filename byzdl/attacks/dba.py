"""A distributed backdoor: each attacker teaches a part of the trigger."""

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor

from byzdl.attacks.backdoor import Backdoor
from byzdl.config.types import Count


class Dba(Backdoor):
    """Trains on images with a part of the trigger and the target's label, each attacker with its own part.

    The patch is cut into as many parts as there are attackers, in reading order and as even as can be, at most one part
    a pixel. With four attackers and a patch of 4 x 4 pixels, each teaches a bar of four. Success is measured with the
    whole patch, which no training image carries.

    >>> import torch
    >>> images, labels = torch.eye(4).view(1, 1, 4, 4), torch.tensor([3])
    >>> seen, taught = Dba(size=2, share=1.0).poison_of(1, 2, images, labels, classes=5)  # the second of two attackers
    >>> seen[0, 0].tolist()[-2:], taught
    ([[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 1.0]], tensor([0]))

    The keys `target`, `size` and `share` are those of `Trigger`, and `boost` is that of `Backdoor`.

    **Knows** its own data alone, and the number of attackers.

    **Source:** C. Xie, K. Huang, P.-Y. Chen, B. Li, *DBA: distributed backdoor attacks against federated learning* (ICLR
    2020). Deviations: their parts are bars with a gap between them, in the upper left corner; here they are the rows of a
    square in the lower right one. There are four of them; here it is one for each attacker.
    """

    equivariant: ClassVar[tuple[str, ...]] = ("translation", "scale")

    size: Count = 4

    def poison_of(
        self, attacker: int, attackers: int, inputs: Tensor, targets: Tensor, classes: int | None
    ) -> tuple[Tensor, Tensor]:
        return self.lesson(inputs, targets, partial(self._stamped_in_part, attacker, attackers))

    def _stamped_in_part(self, attacker: int, attackers: int, images: Tensor) -> Tensor:
        """Returns images [b, channels, height, width] with one attacker's part of the trigger."""
        height, width = (min(self.size, side) for side in images.shape[-2:])
        pixels = height * width
        parts = min(attackers, pixels)
        part = torch.arange(pixels, device=images.device) * parts // pixels
        stamped = images.clone()
        stamped[..., -height:, -width:] = torch.where(
            part.view(height, width) == attacker % parts,
            self.stamped(images)[..., -height:, -width:],
            images[..., -height:, -width:],
        )
        return stamped
