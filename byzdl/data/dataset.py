"""Data sets: decoded once to a uint8 cache on disk, then mapped from there, read-only, by every run."""

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
    """Holds a decoded data set: images uint8 [N, height, width, channels], labels int64 [N] in 0 .. classes-1."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int


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

    **Raises:** `ConfigError` if the source is missing or cannot be read, or the cache cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.data import Synthetic
    >>> with TemporaryDirectory() as cache:
    ...     data = load(Synthetic(classes=2, train_count=6, test_count=4, cache=cache))
    >>> data.shape, data.classes, len(data.train), len(data.test)
    ((1, 8, 8), 2, 6, 4)
    """
    folder = _folder(dataset)
    arrays, meta = _read(folder) or _decoded_once(dataset, folder)

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
    """Reads the cache; None if it is missing, or if any byte differs from what was written."""
    if not folder.is_dir():
        return None
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        # Nothing writes to these arrays, but torch wants them writable. Mode "c" keeps writes private to the process.
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in ARRAYS}
        if _fingerprint(arrays) == meta["fingerprint"] and _checksum(meta) == meta["checksum"]:
            return arrays, meta
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        pass
    log.warning("the decoded data in %s are damaged, and are decoded again", folder)
    return None


def _decoded_once(dataset: Dataset, folder: Path) -> tuple[Named, Meta]:
    """Writes the cache, or waits for another process to do so."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    with _blaming_the_cache(dataset):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        if (cached := _read(folder)) is not None:
            return cached
        decoded = dataset.decode()
        with _blaming_the_cache(dataset):
            return _write(decoded, folder)
    finally:
        lock.release()


@contextmanager
def _blaming_the_cache(dataset: Dataset) -> Iterator[None]:
    """Turns a failure to write into an error that names the cache's folder."""
    try:
        yield
    except OSError as error:
        raise ConfigError.of("dataset.cache", dataset.cache, f"a folder with room to write to ({error})") from error


def _write(decoded: Arrays, folder: Path) -> tuple[Named, Meta]:
    """Writes the cache beside its folder and renames it last, so a folder of that name is always complete."""
    for leftover in folder.parent.glob(f".{folder.name}-*"):  # by a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
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
    covered = {key: meta[key] for key in ("classes", "mean", "std", "fingerprint")}
    return hashlib.sha256(json.dumps(covered).encode()).hexdigest()


def _statistics(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Computes the mean and standard deviation (at least 1) of each channel, exactly, from its histogram."""
    means, stds = [], []
    for channel in range(images.shape[-1]):
        counts = np.bincount(images[..., channel].ravel(), minlength=256)
        levels = np.arange(256)
        mean = float(np.average(levels, weights=counts))
        variance = float(np.average((levels - mean) ** 2, weights=counts))
        means.append(mean)
        stds.append(max(variance**0.5, 1.0))
    return means, stds
