"""The default data set: the handwritten digits that come with scikit-learn."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from byzdl.data.arrays import Arrays
from byzdl.data.dataset import Dataset
from byzdl.data.features import every_fifth


class Digits(Dataset):
    """Loads the 1797 handwritten digits of scikit-learn: grey 8x8 images in 10 classes.

    The images are real, with 16 grey levels. Every fifth image of a class is a test image.

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
        test = every_fifth(labels)
        return Arrays(images[~test], labels[~test], images[test], labels[test], classes=10)
