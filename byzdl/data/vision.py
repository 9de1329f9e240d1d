"""Data sets that torchvision reads and downloads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import model_validator

from byzdl.config.types import ConfigError, Count
from byzdl.data.arrays import Arrays
from byzdl.data.dataset import Dataset, path_of
from byzdl.data.pixels import UnfitError
from byzdl.data.stacked import stacked
from byzdl.data.targets import numbered

# The parts that a class takes as `split`: those to train with, the usual one first, and the one to test with.
PARTS = {
    "Country211": (("train", "valid"), "test"),
    "DTD": (("train", "val"), "test"),
    "FGVCAircraft": (("trainval", "train", "val"), "test"),
    "Flowers102": (("train", "val"), "test"),
    "Food101": (("train",), "test"),
    "GTSRB": (("train",), "test"),
    "Imagenette": (("train",), "val"),
    "OxfordIIITPet": (("trainval",), "test"),
    "RenderedSST2": (("train", "val"), "test"),
    "STL10": (("train",), "test"),
    "SVHN": (("train", "extra"), "test"),
}

# Of EMNIST, which has a part to train with and one to test with in each.
SPLITS = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")


Source = Literal[
    "CIFAR10", "CIFAR100", "Country211", "DTD", "EMNIST", "FGVCAircraft", "FashionMNIST", "Flowers102", "Food101",
    "GTSRB", "Imagenette", "KMNIST", "MNIST", "OxfordIIITPet", "QMNIST", "RenderedSST2", "STL10", "SVHN", "USPS",
]  # fmt: skip


class FromTorchvision(Dataset):
    """Reads a data set through torchvision: the base class of those below."""

    source: str
    root: str = "data"

    def part(self, **which: Any) -> Any:
        """A part as torchvision has it, which is downloaded if it is not there yet.

        - `which`: what its class takes to tell parts apart: `train`, `split`

        **Raises:** `ConfigError` for damaged files, and for a failed download.
        """
        from torchvision import datasets

        root = path_of("dataset.root", self.root)
        kind = getattr(datasets, self.source)
        try:
            return kind(root, **which, download=False)
        except RuntimeError:  # not there yet
            return self._download(kind, root, which)
        except Exception as error:  # Damaged files make torchvision raise errors of every kind.
            raise self.damaged(_in_one_line(error)) from error

    def damaged(self, why: str) -> ConfigError:
        """The error for files that cannot be used."""
        takes = (
            f"a folder with torchvision's {self.source} files: those in {path_of('dataset.root', self.root).resolve()} are "
            f"damaged ({why}); remove them, and they are downloaded again"
        )
        return ConfigError.of("dataset.root", self.root, takes)

    def _download(self, kind: Any, root: Path, which: Mapping[str, Any]) -> Any:
        try:
            return kind(root, **which, download=True)
        except Exception as error:  # of the network, of the disk, of archives
            takes = (
                f"a folder with torchvision's {self.source} files: {root.resolve()} has none, or damaged ones, and the "
                f"download failed ({_in_one_line(error)}); put them there, or choose the embedded dataset=digits"
            )
            raise ConfigError.of("dataset.root", self.root, takes) from error


class TorchvisionDataset(FromTorchvision):
    """Loads CIFAR-10, CIFAR-100, MNIST or Fashion-MNIST through torchvision.

    - `source`: the torchvision class
    - `root`: the folder with its files, or for the download
    """

    source: Literal["CIFAR10", "CIFAR100", "MNIST", "FashionMNIST"]

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
        part = self.part(train=train)
        images, labels = np.asarray(part.data, dtype=np.uint8), np.asarray(part.targets, dtype=np.int64)
        if not 0 < len(images) == len(labels) or not 0 <= labels.min() <= labels.max() < self._classes:
            raise self.damaged(f"{len(images)} images, and {len(labels)} labels up to {labels.max(initial=0)}")
        return (images[..., np.newaxis] if images.ndim == 3 else images), labels


class TorchvisionByName(FromTorchvision):
    """Loads images through any of torchvision's classifications, by the name of its class.

    - `source`: the torchvision class
    - `split`: what the class takes as `split`. EMNIST is one of `byclass`, `bymerge`, `balanced`, `letters`, `digits` and
      `mnist`. Of other classes, it is the part to train with, such as `extra` of SVHN; null is the usual one
    - `image_size`: the side in pixels of the square that every image is scaled to; null: all images have one size
    - `root`: the folder with the files, or for the download

    Images have one channel if all of them are grey, and are RGB otherwise. Classes are numbered from 0, in the order of
    torchvision's numbers. EMNIST's images lie on their side, as they do in torchvision.
    """

    source: Source
    split: str | None = None
    image_size: Count | None = None

    @model_validator(mode="after")
    def _has_such_a_part(self) -> "TorchvisionByName":
        emnist = self.source == "EMNIST"
        known = SPLITS if emnist else PARTS.get(self.source, ((), ""))[0]
        if self.split not in known and (emnist or self.split is not None):
            several = f"one of {', '.join(known)}, with dataset.source={self.source}"
            raise ConfigError.of("split", self.split, several if known else f"null, as {self.source} has a single one")
        return self

    def signature(self) -> Mapping[str, Any]:
        return {"source": self.source, "split": self.split, "image_size": self.image_size}

    def decode(self) -> Arrays:
        if self.source in PARTS:
            own, other = PARTS[self.source]
            parts = [self.part(split=self.split or own[0]), self.part(split=other)]
        else:
            variant = {} if self.split is None else {"split": self.split}
            parts = [self.part(**variant, train=train) for train in (True, False)]
        (train, train_labels), (test, test_labels) = (self._read(part) for part in parts)
        train_images, test_images = stacked([train, test], self.image_size)
        try:
            train_targets, test_targets, classes = numbered(train_labels, test_labels)
        except UnfitError as error:
            raise self.damaged(str(error)) from error
        return Arrays(train_images, train_targets, test_images, test_targets, classes)

    def _read(self, part: Any) -> tuple[list[Image.Image], NDArray[np.int64]]:
        """The images of a part, and their labels [N]."""
        try:
            samples = [part[place] for place in range(len(part))]
            labels = np.array([int(label) for _, label in samples], dtype=np.int64)
        except Exception as error:  # Damaged files make torchvision and Pillow raise errors of every kind.
            raise self.damaged(_in_one_line(error)) from error
        if not samples:
            raise self.damaged("no images")
        return [image for image, _ in samples], labels


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
