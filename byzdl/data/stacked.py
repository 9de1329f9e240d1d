"""Images of one size as one array."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byzdl.config.types import ConfigError


def stacked(parts: Sequence[Sequence[Image.Image]], size: int | None) -> list[NDArray[np.uint8]]:
    """Makes each part one array, uint8 [N, height, width, channels]: one channel if all images are of mode L, else RGB.

    - `size`: the side in pixels of the square that every image is scaled to; None for none

    **Raises:** `ConfigError` for images of different sizes.

    >>> [part.shape for part in stacked([[Image.new("L", (3, 2))], [Image.new("RGB", (3, 2))] * 5], size=None)]
    [(1, 2, 3, 3), (5, 2, 3, 3)]
    """
    every = [image for part in parts for image in part]
    first = every[0].size
    if size is None and (other := next((image.size for image in every if image.size != first), None)):
        differ = " and ".join(f"{width}x{height}" for width, height in (first, other))
        raise ConfigError.of("dataset.image_size", size, f"an integer, as sizes differ: {differ}")
    channels = 1 if all(image.mode == "L" for image in every) else 3
    wanted = (size, size) if size else first
    arrays = [np.empty((len(part), wanted[1], wanted[0], channels), dtype=np.uint8) for part in parts]
    for part, array in zip(parts, arrays, strict=True):
        for place, image in enumerate(part):
            shown = image if channels == 1 else image.convert("RGB")
            pixels = np.asarray(shown if image.size == wanted else shown.resize(wanted))
            array[place] = pixels.reshape(array.shape[1:])
    return arrays
