"""Data sets that torchvision reads and downloads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from byzdl.config.types import ConfigError
from byzdl.data.arrays import Arrays
from byzdl.data.dataset import Dataset, path_of


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
        return Arrays(train_images, train_labels, test_images, test_labels, classes=self._classes)

    @property
    def _classes(self) -> int:
        return 100 if self.source == "CIFAR100" else 10

    def _read(self, train: bool) -> tuple[Any, Any]:
        from torchvision import datasets

        root = path_of("dataset.root", self.root)
        kind = getattr(datasets, self.source)
        try:
            part = kind(root, train=train, download=False)
        except RuntimeError:  # not there yet
            part = self._download(kind, root, train)
        except Exception as error:  # Damaged files make torchvision raise errors of every kind.
            raise self._damaged(root, _in_one_line(error)) from error
        images, labels = np.asarray(part.data, dtype=np.uint8), np.asarray(part.targets, dtype=np.int64)
        if not 0 < len(images) == len(labels) or not 0 <= labels.min() <= labels.max() < self._classes:
            raise self._damaged(root, f"{len(images)} images, and {len(labels)} labels up to {labels.max(initial=0)}")
        return (images[..., np.newaxis] if images.ndim == 3 else images), labels

    def _download(self, kind: Any, root: Path, train: bool) -> Any:
        try:
            return kind(root, train=train, download=True)
        except Exception as error:  # of the network, of the disk, of archives
            takes = (
                f"a folder with torchvision's {self.source} files: {root.resolve()} has none, or damaged ones, and the "
                f"download failed ({_in_one_line(error)}); put them there, or choose the embedded dataset=digits"
            )
            raise ConfigError.of("dataset.root", self.root, takes) from error

    def _damaged(self, root: Path, why: str) -> ConfigError:
        takes = (
            f"a folder with torchvision's {self.source} files: those in {root.resolve()} are damaged ({why}); remove "
            "them, and they are downloaded again"
        )
        return ConfigError.of("dataset.root", self.root, takes)


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
