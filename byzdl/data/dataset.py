"""Data sets, ready for use: decoded once into the cache, then standardised batch by batch."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from byzdl.config.types import Component, ConfigError, Count, RuleError
from byzdl.config.values import behind
from byzdl.data.arrays import Arrays, checked
from byzdl.data.cache import CACHE_VERSION, cached
from byzdl.random_streams import stream


class Dataset(Component):
    """Decodes images and labels from their source: the base class of all data sets.

    - `cache`: the folder of decoded data sets
    - `test_samples`: the number of test images to evaluate on, a fixed random subset; null for all

    >>> from tempfile import TemporaryDirectory
    >>> class BlackOrWhite(Dataset):
    ...     def signature(self):
    ...         return {"version": 1}
    ...
    ...     def decode(self):
    ...         labels = np.array([0, 1, 1, 0])
    ...         images = np.broadcast_to(labels[:, None, None, None] * 255, (4, 2, 2, 1)).astype(np.uint8)
    ...         return Arrays(images, labels, images[:2], labels[:2], classes=2)
    >>> with TemporaryDirectory() as cache:
    ...     data = load(BlackOrWhite(cache=cache))
    >>> images, labels = data.train.batch(torch.tensor([1, 3]))
    >>> images.mean((1, 2, 3)), labels
    (tensor([ 1., -1.]), tensor([1, 0]))
    """

    cache: str = "data/cache"
    test_samples: Count | None = None

    @property
    def train_size(self) -> int | None:
        """The number of training images, or None if it is unknown before the images are read."""
        return None

    def signature(self) -> Mapping[str, Any]:
        """Returns the values that identify the source. If one changes, the images are decoded anew."""
        raise NotImplementedError

    def decode(self) -> Arrays:
        """Reads all images and labels from the source.

        **Raises:** `ConfigError` for a missing or unreadable source.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Split:
    """Holds the images of one part of a data set, training or test, mapped from disk, and their labels.

    - `images`: uint8 [N, height, width, channels]
    - `labels`: int64 [N]
    - `mean`, `std` [height, width, channels]: an image is standardised to (image - mean) / std

    >>> pixels = torch.tensor([[[[10]]], [[[40]]]], dtype=torch.uint8)  # two images of one pixel
    >>> split = Split(pixels, torch.tensor([0, 1]), mean=torch.full((1, 1, 1), 20.0), std=torch.full((1, 1, 1), 10.0))
    >>> images, labels = split.batch(torch.tensor([1, 0, 1]))
    >>> images.flatten(), labels
    (tensor([ 2., -1.,  2.]), tensor([1, 0, 1]))
    """

    images: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the standardised images and the labels of an index [...].

        Images are float32 [..., channels, height, width], channels last in memory; labels are [...].
        """
        if self.images.is_cuda:
            index = index.pin_memory().to(self.images.device, non_blocking=True)
        images = self.images.index_select(0, index.flatten()).to(torch.float32).sub_(self.mean).div_(self.std)
        return images.view(*index.shape, *images.shape[1:]).movedim(-1, -3), self.labels[index]

    def to(self, device: torch.device) -> "Split":
        """Returns the same images and labels in the memory of a device."""
        return Split(*(tensor.to(device) for tensor in vars(self).values()))


@dataclass(frozen=True)
class Data:
    """Holds a data set ready for use.

    - `fingerprint`: a checksum over all its arrays
    """

    train: Split
    test: Split
    classes: int
    fingerprint: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """The (channels, height, width) of an image."""
        height, width, channels = self.train.images.shape[1:]
        return channels, height, width

    def to(self, device: torch.device) -> "Data":
        """Returns the same data in the memory of a device. On the CPU, images stay on disk until they are read."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def load(dataset: Dataset) -> Data:
    """Loads a data set from its cache, and decodes it into the cache first if it is missing or damaged there.

    **Raises:** `ConfigError` if the source is missing or cannot be read, or the cache cannot be written; `RuleError` for a
    data set of one's own that decodes to anything else than images and labels.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.data import Synthetic
    >>> with TemporaryDirectory() as cache:
    ...     data = load(Synthetic(classes=2, train_count=6, test_count=4, cache=cache))
    >>> data.shape, data.classes, len(data.train), len(data.test)
    ((1, 8, 8), 2, 6, 4)
    """
    folder = _folder(dataset)
    arrays, meta = cached(folder, partial(_decoded, dataset))

    def split(name: str) -> Split:
        images = torch.from_numpy(arrays[f"{name}_images"])
        mean, std = (torch.tensor(meta[key]).expand(images.shape[1:]).contiguous() for key in ("mean", "std"))
        return Split(images, torch.from_numpy(arrays[f"{name}_labels"]), mean, std)

    test = split("test")
    if dataset.test_samples is not None and dataset.test_samples < len(test):
        chosen = torch.from_numpy(np.sort(stream(0, "test_samples").permutation(len(test))[: dataset.test_samples]))
        test = replace(test, images=test.images[chosen], labels=test.labels[chosen])
    return Data(split("train"), test, meta["classes"], meta["fingerprint"])


def path_of(key: str, text: str) -> Path:
    """The path that a key names, with `~` for the home folder.

    **Raises:** `ConfigError` for the home folder of nobody, and for a text that is no path.
    """
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError.of(key, text, f"a path ({error})") from error
    if "\0" in text:
        raise ConfigError.of(key, text, "a path")
    return path


def _folder(dataset: Dataset) -> Path:
    """The folder of a data set within the cache."""
    kind = f"{type(dataset).__module__}.{type(dataset).__qualname__}"
    signature, own = dataset.signature(), behind("dataset", dataset)
    with RuleError.of_method(dataset, "signature"):
        if not isinstance(signature, Mapping):
            raise RuleError(f"returns a {type(signature).__name__}, but must return a mapping")
        try:
            text = json.dumps({"cache": CACHE_VERSION, "type": kind, **signature, **own}, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise RuleError(f"returns what JSON cannot hold ({error}), but must return texts and numbers") from error
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return path_of("dataset.cache", dataset.cache) / f"{type(dataset).__name__.lower()}-{digest}"


def _decoded(dataset: Dataset) -> Arrays:
    try:
        decoded = dataset.decode()
    except MemoryError as error:
        less = f"a smaller one (or smaller images): its images need more memory than there is here ({error})"
        raise ConfigError.of("dataset", dataset.name, less) from error
    with RuleError.of_method(dataset, "decode"):
        return checked(decoded)
