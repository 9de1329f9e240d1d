"""Augmentation: random changes of training images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from byzdl.random_streams import stream

Change = Literal["crop", "flip"]


@dataclass(frozen=True)
class Augmentation:
    """Changes each image of a training mini-batch at random, as a function of (seed, node, mini-batch) alone.

    The same mini-batch is changed in the same way again, for example when models are screened on it. The random numbers
    of one change do not depend on the presence of the other.

    - `changes`: `crop`, `flip`, both or none
    - `seed`: of the run

    `crop` pads an image and cuts out a random part of the old size. The padding above and below is an eighth of the
    height, that at the sides an eighth of the width, rounded up (4 pixels at 32). It is zero, the channel's mean in
    standardised images. `flip` mirrors an image left to right with probability 1/2.

    >>> images = torch.tensor([1.0, 2.0]).expand(1, 3, 1, 1, 2)  # three times the same image of 1 x 2 pixels
    >>> Augmentation(["flip"], seed=0)(images, nodes=[0], number=1).flatten(1)
    tensor([[2., 1., 2., 1., 1., 2.]])

    **Source:** K. He et al., *Deep residual learning for image recognition* (CVPR 2016), section 4.2.
    """

    changes: Sequence[Change]
    seed: int

    def __call__(self, images: Tensor, nodes: Sequence[int], number: int) -> Tensor:
        """Returns the changed images [l, b, channels, height, width], channels last in memory.

        - `images`: of the same shape, a mini-batch of each of l nodes
        - `nodes`: their l node numbers
        - `number`: the number of the mini-batches
        """
        if not self.changes:
            return images
        b, _, height, width = images.shape[1:]
        above, left = (-(-side // 8) if "crop" in self.changes else 0 for side in (height, width))
        drawn = np.concatenate([stream(self.seed, "augment", node, number).random((b, 3)) for node in nodes])
        mirrored = (drawn[:, 2:] < 0.5) & ("flip" in self.changes)
        y = (drawn[:, :1] * (2 * above + 1)).astype(np.int64) + np.arange(height)
        x = (drawn[:, 1:2] * (2 * left + 1)).astype(np.int64)
        x = x + np.where(mirrored, np.arange(width)[::-1], np.arange(width))
        padded = F.pad(images.flatten(0, 1), (left, left, above, above)).movedim(1, -1)
        each = np.arange(len(padded))[:, None, None]
        index = tuple(_moved_beside(padded, part) for part in (each, y[:, :, None], x[:, None, :]))
        return padded[index].view(-1, b, height, width, padded.shape[-1]).movedim(-1, -3)


def _moved_beside(images: Tensor, index: NDArray[np.int64]) -> Tensor:
    """Moves an index to the device of the images, without waiting for the device."""
    moved = torch.from_numpy(index)
    return moved.pin_memory().to(images.device, non_blocking=True) if images.is_cuda else moved
