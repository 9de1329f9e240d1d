"""Data sets, ready for use: decoded once into the cache, then read batch by batch."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from byzdl.config.types import Component, ConfigError, Count, RuleError
from byzdl.config.values import behind
from byzdl.data.arrays import KINDS, Arrays, checked
from byzdl.data.cache import CACHE_VERSION, cached
from byzdl.random_streams import stream
from byzdl.samples import Sample


class Dataset(Component):
    """Decodes inputs and targets from their source: the base class of all data sets.

    - `cache`: the folder of decoded data sets
    - `test_samples`: the number of test samples to evaluate on, a fixed random subset; null for all

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
        """The number of training samples, or None if it is unknown before the data are read."""
        return None

    def signature(self) -> Mapping[str, Any]:
        """Returns the values that identify the source. If one changes, the data are decoded anew."""
        raise NotImplementedError

    def decode(self) -> Arrays:
        """Reads all inputs and targets from the source.

        **Raises:** `ConfigError` for a missing or unreadable source.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Split:
    """Holds the samples of one part of a data set, training or test, mapped from disk, and their targets.

    - `inputs`: uint8 [N, height, width, channels] for images, float32 [N, ...] for features, int64 [N, length] for tokens
    - `targets`: int64 [N] for classes, float32 [N] for a regression
    - `mean`, `std` [height, width, channels]: an image is standardised to (image - mean) / std; None for other inputs

    >>> pixels = torch.tensor([[[[10]]], [[[40]]]], dtype=torch.uint8)  # two images of one pixel
    >>> split = Split(pixels, torch.tensor([0, 1]), mean=torch.full((1, 1, 1), 20.0), std=torch.full((1, 1, 1), 10.0))
    >>> images, labels = split.batch(torch.tensor([1, 0, 1]))
    >>> images.flatten(), labels
    (tensor([ 2., -1.,  2.]), tensor([1, 0, 1]))
    """

    inputs: Tensor
    targets: Tensor
    mean: Tensor | None = None
    std: Tensor | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the inputs, as networks read them, and the targets [...] of an index [...].

        Standardised images are float32 [..., channels, height, width], channels last in memory. Other inputs are as they
        are stored, [..., *shape].
        """
        if self.inputs.is_cuda:
            index = index.pin_memory().to(self.inputs.device, non_blocking=True)
        chosen = self.inputs.index_select(0, index.flatten())
        if self.mean is None or self.std is None:
            return chosen.view(*index.shape, *chosen.shape[1:]), self.targets[index]
        images = chosen.to(torch.float32).sub_(self.mean).div_(self.std)
        return images.view(*index.shape, *images.shape[1:]).movedim(-1, -3), self.targets[index]

    def to(self, device: torch.device) -> "Split":
        """Returns the same samples in the memory of a device."""
        mean, std = (None if part is None else part.to(device) for part in (self.mean, self.std))
        return Split(self.inputs.to(device), self.targets.to(device), mean, std)


@dataclass(frozen=True)
class Data:
    """Holds a data set ready for use.

    - `sample`: the form of a sample, as networks read it
    - `classes`: their number, or None for a regression
    - `fingerprint`: a checksum over all its arrays
    - `target_mean`, `target_std`: a regression's targets were standardised to (target - mean) / std
    - `groups` [N]: the user to whom each training sample belongs, numbered from 0; None if nobody is known
    """

    train: Split
    test: Split
    sample: Sample
    classes: int | None
    fingerprint: str
    target_mean: float = 0.0
    target_std: float = 1.0
    groups: NDArray[np.int64] | None = None

    @property
    def outputs(self) -> int:
        """The number of values with which a network answers a sample: one a class, or one for a regression."""
        return self.classes or 1

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The classes of the training samples [N], on the CPU, by which partitions divide them.

        Those of a regression are the tenths of its targets, from the smallest ones to the largest.

        >>> targets = torch.tensor([5.0, 1.0, 3.0])
        >>> part = Split(torch.zeros(3, 1), targets)
        >>> Data(part, part, Sample((1,), "features"), None, "").labels
        array([2, 0, 1])
        """
        targets = self.train.targets.numpy(force=True)
        if self.classes:
            return targets
        cuts = np.quantile(targets, np.arange(1, 10) / 10)
        return np.unique(np.searchsorted(cuts, targets, side="right"), return_inverse=True)[1]

    def to(self, device: torch.device) -> "Data":
        """Returns the same data in the memory of a device. On the CPU, inputs stay on disk until they are read."""
        return replace(self, train=self.train.to(device), test=self.test.to(device))


def load(dataset: Dataset) -> Data:
    """Loads a data set from its cache, and decodes it into the cache first if it is missing or damaged there.

    **Raises:** `ConfigError` if the source is missing or cannot be read, or the cache cannot be written; `RuleError` for a
    data set of one's own that decodes to anything else than inputs and targets.

    >>> from tempfile import TemporaryDirectory
    >>> from byzdl.data import Synthetic
    >>> with TemporaryDirectory() as cache:
    ...     data = load(Synthetic(classes=2, train_count=6, test_count=4, cache=cache))
    >>> data.sample.shape, data.classes, len(data.train), len(data.test)
    ((1, 8, 8), 2, 6, 4)
    """
    arrays, meta = cached(_folder(dataset), partial(_decoded, dataset))
    classes, (target_mean, target_std) = meta["classes"], (meta[f"target_{name}"] for name in ("mean", "std"))

    def split(part: str) -> Split:
        inputs, targets = (torch.from_numpy(arrays[f"{part}_{name}"]) for name in ("inputs", "targets"))
        if classes is None:
            targets = ((targets.double() - target_mean) / target_std).float()
        if inputs.dtype != torch.uint8:
            return Split(inputs, targets)
        return Split(inputs, targets, *(_per_pixel(meta[name], inputs.shape[1:]) for name in ("mean", "std")))

    train, test = split("train"), split("test")
    if dataset.test_samples is not None and dataset.test_samples < len(test):
        chosen = torch.from_numpy(np.sort(stream(0, "test_samples").permutation(len(test))[: dataset.test_samples]))
        test = replace(test, inputs=test.inputs[chosen], targets=test.targets[chosen])
    return Data(
        train=train,
        test=test,
        sample=_sample(arrays["train_inputs"], meta["vocabulary"]),
        classes=classes,
        fingerprint=meta["fingerprint"],
        target_mean=target_mean,
        target_std=target_std,
        groups=arrays.get("groups"),
    )


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
        less = f"a smaller one (or smaller images): its inputs need more memory than there is here ({error})"
        raise ConfigError.of("dataset", dataset.name, less) from error
    with RuleError.of_method(dataset, "decode"):
        return checked(decoded)


def _sample(inputs: NDArray[Any], vocabulary: int) -> Sample:
    """The form of one of the inputs, as networks read it: an image has its channels first."""
    kind, shape = KINDS[inputs.dtype], inputs.shape[1:]
    return Sample((shape[2], *shape[:2]) if kind == "image" else shape, kind, vocabulary)


def _per_pixel(values: Sequence[float], shape: torch.Size) -> Tensor:
    """A value for each channel, repeated over the pixels [height, width, channels]."""
    return torch.tensor(values).expand(shape).contiguous()
