"""Data sets that torchvision reads and downloads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from byzdl.config.types import ConfigError
from byzdl.data.dataset import Arrays, Dataset


class TorchvisionDataset(Dataset):
    """Loads CIFAR-10, CIFAR-100, MNIST or Fashion-MNIST through torchvision.

    - `source`: the torchvision class
    - `root`: the folder with its files, or for the download
    """

    source: Literal["CIFAR10", "CIFAR100", "MNIST", "FashionMNIST"]
    root: str = "data"

    @property
    def train_size(self) -> int:
        return 50_000 if self.source.startswith("CIFAR") else 60_000

    def signature(self) -> Mapping[str, Any]:
        return {"source": self.source}

    def decode(self) -> Arrays:
        (train_images, train_labels), (test_images, test_labels) = self._read(True), self._read(False)
        classes = int(train_labels.max()) + 1
        return Arrays(train_images, train_labels, test_images, test_labels, classes)

    def _read(self, train: bool) -> tuple[Any, Any]:
        from torchvision import datasets

        root = Path(self.root).expanduser()
        kind = getattr(datasets, self.source)
        try:
            part = kind(root, train=train, download=False)
        except RuntimeError:  # not there yet
            part = self._download(kind, root, train)
        images = np.asarray(part.data, dtype=np.uint8)
        if images.ndim == 3:
            images = images[..., np.newaxis]
        return images, np.asarray(part.targets, dtype=np.int64)

    def _download(self, kind: Any, root: Path, train: bool) -> Any:
        try:
            return kind(root, train=train, download=True)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            takes = (
                f"a folder with torchvision's {self.source} files: {root.resolve()} has none, and the download failed "
                f"({reason}); put them there, or choose the embedded dataset=digits"
            )
            raise ConfigError.of("dataset.root", self.root, takes) from error
