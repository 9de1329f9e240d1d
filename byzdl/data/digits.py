"""The default: scikit-learn's embedded 8x8 images of handwritten digits."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from byzdl.data.dataset import Arrays, Dataset


class Digits(Dataset):
    """1797 real 8x8 grey images (16 grey levels) in 10 classes; every fifth of a class is a test image.

    **Source:** the test part of E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (UCI, 1998).
    """

    @property
    def train_size(self) -> int:
        return 1433

    def signature(self) -> Mapping[str, Any]:
        return {}

    def decode(self) -> Arrays:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = bunch.images.astype(np.uint8)[..., np.newaxis]
        labels = bunch.target.astype(np.int64)
        place_in_class = np.zeros_like(labels)
        for label in range(10):
            members = np.flatnonzero(labels == label)
            place_in_class[members] = np.arange(len(members))
        test = place_in_class % 5 == 0
        return Arrays(images[~test], labels[~test], images[test], labels[test], classes=10)
