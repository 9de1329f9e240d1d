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
from byzdl.data.arrays import Arrays

log = logging.getLogger("byzdl")

CACHE_VERSION = 3
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
COVERED = ("classes", "mean", "std", "layout", "fingerprint")

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
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="c") for name in ARRAYS}
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
    arrays: Named = dict(zip(ARRAYS, decoded[:4], strict=True))
    mean, std = _statistics(decoded.train_images)
    meta: Meta = {"classes": decoded.classes, "mean": mean, "std": std, "layout": _layout(arrays)}
    meta["fingerprint"] = _fingerprint(arrays)
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


def _layout(arrays: Named) -> list[str]:
    return [f"{arrays[name].dtype} {list(arrays[name].shape)}" for name in ARRAYS]


def _fingerprint(arrays: Named) -> str:
    digest = hashlib.sha256()
    for name in ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def _checksum(meta: Meta) -> str:
    return hashlib.sha256(json.dumps({key: meta[key] for key in COVERED}).encode()).hexdigest()


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
