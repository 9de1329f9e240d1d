"""Augmentation: training images, a little different each time that they are seen."""

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
    """Changes each image of a training mini-batch at random, by a function of (seed, node, mini-batch) alone.

    A mini-batch that is asked for again, as for screening, is the same again. What is drawn for one change does not
    depend on whether the other is made.

    - `crop`: images are padded by an eighth of their height above and below and of their width at the sides, rounded up
      (4 pixels at 32), and a random part of the old size is cut out. Standardised images are padded with zeros, which
      is the channel's mean
    - `flip`: with probability 1/2 an image is mirrored left to right

    **Source:** K. He et al., *Deep residual learning for image recognition* (CVPR 2016), section 4.2.
    """

    changes: Sequence[Change]
    seed: int

    def __call__(self, images: Tensor, nodes: Sequence[int], number: int) -> Tensor:
        """Images [l, b, channels, height, width] of l nodes' mini-batches of this number; channels last in memory."""
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
        places = tuple(_beside(padded, place) for place in (each, y[:, :, None], x[:, None, :]))
        return padded[places].view(-1, b, height, width, padded.shape[-1]).movedim(-1, -3)


def _beside(images: Tensor, index: NDArray[np.int64]) -> Tensor:
    """An index in the memory of the images, which nobody waits for."""
    found = torch.from_numpy(index)
    return found.pin_memory().to(images.device, non_blocking=True) if images.is_cuda else found
