"""A data set: decoded once to a uint8 cache on disk, then mapped read-only by every run."""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from numpy.typing import NDArray
from torch import Tensor

from byzdl.config.types import Component, ConfigError, Count
from byzdl.random_streams import stream

log = logging.getLogger("byzdl")

CACHE_VERSION = 2
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")

Named = dict[str, NDArray[Any]]
Meta = dict[str, Any]


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
    """The data set, decoded into the cache first if it isn't there yet, or not as it was written.

    **Raises:** `ConfigError` if the source is missing or cannot be read, or the cache cannot be written.
    """
    folder = _folder(dataset)
    arrays, meta = _read(folder) or _built(dataset, folder)

    def split(name: str) -> Split:
        images = torch.from_numpy(arrays[f"{name}_images"])
        mean, std = (torch.tensor(meta[key]).expand(images.shape[1:]).contiguous() for key in ("mean", "std"))
        return Split(images, torch.from_numpy(arrays[f"{name}_labels"]), mean, std)

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


def _read(folder: Path) -> tuple[Named, Meta] | None:
    """What the cache holds, or None where it isn't there, or not every byte of it is as it was written."""
    if not folder.is_dir():
        return None
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        # Private to the process should one ever be written to, which nothing does; torch wants them writable.
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in ARRAYS}
        if _fingerprint(arrays) == meta["fingerprint"] and _checksum(meta) == meta["checksum"]:
            return arrays, meta
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        pass
    log.warning("the decoded data in %s are damaged: they are decoded again", folder)
    return None


def _built(dataset: Dataset, folder: Path) -> tuple[Named, Meta]:
    """Build the cache, or wait for another process that does."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    with _told(dataset):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        if (cached := _read(folder)) is not None:
            return cached
        decoded = dataset.decode()
        with _told(dataset):
            return _build(decoded, folder)
    finally:
        lock.release()


@contextmanager
def _told(dataset: Dataset) -> Iterator[None]:
    """Blame the cache's folder for what cannot be written there."""
    try:
        yield
    except OSError as error:
        raise ConfigError.of("dataset.cache", dataset.cache, f"a folder with room to write to ({error})") from error


def _build(decoded: Arrays, folder: Path) -> tuple[Named, Meta]:
    """Write the cache aside and rename it: a folder of that name is whole."""
    for left in folder.parent.glob(f".{folder.name}-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    arrays: Named = dict(zip(ARRAYS, decoded[:4], strict=True))
    mean, std = _statistics(decoded.train_images)
    meta: Meta = {"classes": decoded.classes, "mean": mean, "std": std, "fingerprint": _fingerprint(arrays)}
    meta["checksum"] = _checksum(meta)
    try:
        for name, array in arrays.items():
            np.save(aside / f"{name}.npy", array)
        (aside / "meta.json").write_text(json.dumps(meta, indent=2), encoding="utf-8")
        if folder.is_dir():  # damaged
            folder.rename(aside / "damaged")
        aside.rename(folder)
        shutil.rmtree(folder / "damaged", ignore_errors=True)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return _read(folder) or (arrays, meta)


def _fingerprint(arrays: Named) -> str:
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _checksum(meta: Meta) -> str:
    told = {key: meta[key] for key in ("classes", "mean", "std", "fingerprint")}
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


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
