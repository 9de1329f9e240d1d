"""A data set: decoded once to a uint8 cache on disk, then mapped read-only by every run."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from byzdl.schema import Component, ConfigError, Count
from byzdl.streams import stream

CACHE_VERSION = 1


class Arrays(NamedTuple):
    """A decoded data set: images uint8 [N, height, width, channels], labels int64 [N] in 0 .. classes-1."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int


class Dataset(Component):
    """Where images come from.

    - `cache`: the folder of decoded data sets
    - `test_samples`: evaluate on that many test images (a fixed random subset), or on all
    """

    cache: str = "data/cache"
    test_samples: Count | None = None

    @property
    def train_size(self) -> int | None:
        """The number of training images, where it is known without reading any."""
        return None

    def signature(self) -> Mapping[str, Any]:
        """What tells this source from every other; a changed signature is decoded anew."""
        raise NotImplementedError

    def decode(self) -> Arrays:
        raise NotImplementedError


@dataclass(frozen=True)
class Split:
    """Images uint8 [N, height, width, channels], mapped from disk, and their labels int64 [N].

    - `mean`, `std` [height, width, channels]: what images are standardised by
    """

    images: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised float32 images [..., channels, height, width] (channels last in memory) and labels [...] of an index [...]."""
        if self.images.is_cuda:
            index = index.pin_memory().to(self.images.device, non_blocking=True)
        images = self.images.index_select(0, index.flatten()).to(torch.float32).sub_(self.mean).div_(self.std)
        return images.view(*index.shape, *images.shape[1:]).movedim(-1, -3), self.labels[index]

    def to(self, device: torch.device) -> "Split":
        return Split(*(tensor.to(device) for tensor in vars(self).values()))


@dataclass(frozen=True)
class Data:
    """A data set ready for use; `fingerprint` is a checksum over all its arrays."""

    train: Split
    test: Split
    classes: int
    fingerprint: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """One image's (channels, height, width)."""
        height, width, channels = self.train.images.shape[1:]
        return channels, height, width

    def to(self, device: torch.device) -> "Data":
        """The same data in the memory of a device; on the CPU they stay on disk until they are read."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def load(dataset: Dataset) -> Data:
    """The data set, decoded into the cache first if it isn't there yet.

    **Raises:** `ConfigError` if the source is missing or cannot be read.
    """
    folder = _folder(dataset)
    if not folder.is_dir():
        arrays = dataset.decode()
        try:
            _build(arrays, folder)
        except OSError as error:
            raise ConfigError(f"dataset.cache: {error}; takes a folder that can be written to") from error
    meta = json.loads((folder / "meta.json").read_text())

    def split(name: str) -> Split:
        # Private to the process should it ever be written to, which nothing does; torch wants it writable.
        images = torch.from_numpy(np.load(folder / f"{name}_images.npy", mmap_mode="c"))
        mean, std = (torch.tensor(meta[key]).expand(images.shape[1:]).contiguous() for key in ("mean", "std"))
        return Split(images, torch.from_numpy(np.load(folder / f"{name}_labels.npy")), mean, std)

    test = split("test")
    if dataset.test_samples is not None and dataset.test_samples < len(test):
        chosen = torch.from_numpy(np.sort(stream(0, "test_samples").permutation(len(test))[: dataset.test_samples]))
        test = replace(test, images=test.images[chosen], labels=test.labels[chosen])
    return Data(split("train"), test, meta["classes"], meta["fingerprint"])


def _folder(dataset: Dataset) -> Path:
    source = {
        "cache": CACHE_VERSION,
        "type": f"{type(dataset).__module__}.{type(dataset).__qualname__}",
        **dataset.signature(),
    }
    digest = hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()[:12]
    return Path(dataset.cache).expanduser() / f"{type(dataset).__name__.lower()}-{digest}"


def _build(arrays: Arrays, folder: Path) -> None:
    """Write the cache aside and rename it: a folder of that name is always whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    digest = hashlib.sha256()
    named: dict[str, NDArray[Any]] = dict(zip(Arrays._fields[:4], arrays[:4], strict=True))
    for name, array in named.items():
        digest.update(np.ascontiguousarray(array).tobytes())
        np.save(aside / f"{name}.npy", array)
    mean, std = _statistics(arrays.train_images)
    meta = {
        "classes": arrays.classes,
        "mean": mean,
        "std": std,
        "fingerprint": digest.hexdigest(),
    }
    (aside / "meta.json").write_text(json.dumps(meta, indent=2))
    try:
        os.rename(aside, folder)
    except OSError:
        if not folder.is_dir():
            raise
        shutil.rmtree(aside)  # another process was faster, with the same bytes


def _statistics(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, exactly, from its histogram."""
    means, stds = [], []
    for channel in range(images.shape[-1]):
        counts = np.bincount(images[..., channel].ravel(), minlength=256)
        levels = np.arange(256)
        mean = float(np.average(levels, weights=counts))
        variance = float(np.average((levels - mean) ** 2, weights=counts))
        means.append(mean)
        stds.append(max(variance**0.5, 1.0))
    return means, stds
