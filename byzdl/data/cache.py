"""The cache of decoded data sets: one folder each, written once, then mapped from disk, read-only, by every run."""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from byzdl.config.types import ConfigError
from byzdl.data.arrays import IMAGES, Arrays

log = logging.getLogger("byzdl")

CACHE_VERSION = 4
ARRAYS = ("train_inputs", "train_targets", "test_inputs", "test_targets", "groups")
COVERED = ("classes", "vocabulary", "mean", "std", "target_mean", "target_std", "layout", "fingerprint")

Named = dict[str, NDArray[Any]]
Meta = dict[str, Any]


def cached(folder: Path, decode: Callable[[], Arrays]) -> tuple[Named, Meta]:
    """Reads a data set from its folder, and decodes it into the folder first if it is missing or damaged there.

    **Raises:** `ConfigError` if the folder cannot be read or written.
    """
    with _blaming(folder):
        if (found := _read(folder)) is not None:
            return found
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f".{folder.name}.lock"))
        lock.acquire()
    try:
        with _blaming(folder):
            if (found := _read(folder)) is not None:  # by another process, meanwhile
                return found
        decoded = decode()
        with _blaming(folder):
            return _write(decoded, folder)
    finally:
        lock.release()


@contextmanager
def _blaming(folder: Path) -> Iterator[None]:
    """Turns a failure of the disk into an error that names the cache's folder."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # The latter: a file system without locks.
        takes = f"a folder with room to write to ({' '.join(str(error).split())})"
        raise ConfigError.of("dataset.cache", str(folder.parent), takes) from error


def _read(folder: Path) -> tuple[Named, Meta] | None:
    """Reads the cache; None if it is missing, or if any byte differs from what was written."""
    if not folder.is_dir():
        return None
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        # Nothing writes to these arrays, but torch wants them writable. Mode "c" keeps writes private to the process.
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in meta["layout"]}
        same = (_layout(arrays), _fingerprint(arrays)) == (meta["layout"], meta["fingerprint"])
        if same and _checksum(meta) == meta["checksum"]:
            return arrays, meta
    except Exception as error:  # Damaged files make json and numpy raise errors of every kind.
        log.debug("%s: %s", folder, error)
    log.warning("the decoded data in %s are damaged, and are decoded again", folder)
    return None


def _write(decoded: Arrays, folder: Path) -> tuple[Named, Meta]:
    """Writes the cache beside its folder and renames it last, so a folder of that name is always complete."""
    for leftover in folder.parent.glob(f".{folder.name}-*"):  # by a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    arrays: Named = {name: array for name in ARRAYS if (array := getattr(decoded, name)) is not None}
    meta: Meta = {"classes": decoded.classes, "vocabulary": decoded.vocabulary}
    meta["mean"], meta["std"] = _of_channels(decoded.train_inputs)
    meta["target_mean"], meta["target_std"] = (0.0, 1.0) if decoded.classes else _of_targets(decoded.train_targets)
    meta["layout"], meta["fingerprint"] = _layout(arrays), _fingerprint(arrays)
    meta["checksum"] = _checksum(meta)
    try:
        for name, array in arrays.items():
            np.save(aside / f"{name}.npy", array)
        (aside / "meta.json").write_text(json.dumps(meta, indent=2), encoding="utf-8")
        if folder.exists():  # damaged, or a file in its place
            folder.rename(aside / "damaged")
        aside.rename(folder)
        _remove(folder / "damaged")
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return _read(folder) or (arrays, meta)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _layout(arrays: Named) -> dict[str, str]:
    return {name: f"{array.dtype} {list(array.shape)}" for name, array in arrays.items()}


def _fingerprint(arrays: Named) -> str:
    digest = hashlib.sha256()
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _checksum(meta: Meta) -> str:
    return hashlib.sha256(json.dumps({key: meta[key] for key in COVERED}).encode()).hexdigest()


def _of_channels(inputs: NDArray[Any]) -> tuple[list[float], list[float]]:
    """Computes the mean and standard deviation (at least 1) of each channel of images, exactly, from its histogram.

    Other inputs have none.
    """
    means: list[float] = []
    stds: list[float] = []
    if inputs.dtype != IMAGES:
        return means, stds
    for channel in range(inputs.shape[-1]):
        counts = np.bincount(inputs[..., channel].ravel(), minlength=256)
        levels = np.arange(256)
        mean = float(np.average(levels, weights=counts))
        variance = float(np.average((levels - mean) ** 2, weights=counts))
        means.append(mean)
        stds.append(max(variance**0.5, 1.0))
    return means, stds


def _of_targets(targets: NDArray[Any]) -> tuple[float, float]:
    """Computes the mean and standard deviation of real targets; 1 in place of a standard deviation of 0."""
    exact = targets.astype(np.float64)
    return float(exact.mean()), float(exact.std()) or 1.0
