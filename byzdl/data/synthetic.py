"""Generated images, for tests and first experiments."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from byzdl.config.types import Count, NonNegative
from byzdl.data.arrays import Arrays
from byzdl.data.dataset import Dataset
from byzdl.random_streams import stream


class Synthetic(Dataset):
    """Generates one random image a class, and samples of it with Gaussian noise.

    The images are the same for every seed of a run.

    - `classes`: number of classes
    - `size`: pixels a side
    - `channels`: channels of an image
    - `train_count`, `test_count`: number of images
    - `noise`: standard deviation; the class images themselves are spread over 0 .. 255
    """

    classes: Count = 10
    size: Count = 8
    channels: Count = 1
    train_count: Count = 1000
    test_count: Count = 200
    noise: NonNegative = 64.0

    @property
    def train_size(self) -> int:
        return self.train_count

    def signature(self) -> Mapping[str, Any]:
        return self.model_dump(exclude={"name", "cache", "test_samples"})

    def decode(self) -> Arrays:
        rng = stream(0, "synthetic")
        centres = rng.uniform(0, 255, (self.classes, self.size, self.size, self.channels))

        def sample(count: int) -> tuple[Any, Any]:
            labels = np.arange(count) % self.classes
            noisy = centres[labels] + rng.normal(0, self.noise, (count, *centres.shape[1:]))
            return noisy.clip(0, 255).astype(np.uint8), labels.astype(np.int64)

        return Arrays(*sample(self.train_count), *sample(self.test_count), classes=self.classes)
