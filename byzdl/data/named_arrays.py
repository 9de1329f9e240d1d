"""Arrays by name: in an `.npz` file, or as `.npy` files in a folder."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from byzdl.data.pixels import UnfitError, shown
from byzdl.files import is_hidden

# By numpy's letter for a kind of types.
KINDS = {
    "b": "truth values",
    "c": "complex numbers",
    "M": "dates",
    "m": "times",
    "S": "texts",
    "T": "texts",
    "U": "texts",
    "V": "records",
}


def names(place: Path) -> list[str]:
    """Lists the names of all arrays in a file or folder, in alphabetical order.

    **Raises:** `UnfitError` if it can hold none.
    """
    if place.is_dir():
        return sorted(file.stem for file in place.iterdir() if file.suffix == ".npy" and not is_hidden(file.name))
    if not zipfile.is_zipfile(place):
        raise UnfitError(f"{shown(Path(place.name))} is no .npz file")
    with zipfile.ZipFile(place) as opened:
        return sorted(name.removesuffix(".npy") for name in opened.namelist())


def load(place: Path, name: str) -> NDArray[Any]:
    """Reads an array of a file or folder.

    **Raises:** `UnfitError` if it cannot be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(Path(folder) / "my.npz", x=[1, 2], y=[0, 1])
    ...     names(Path(folder) / "my.npz"), load(Path(folder) / "my.npz", "y")
    (['x', 'y'], array([0, 1]))
    """
    try:
        if place.is_dir():
            return np.asarray(np.load(place / f"{name}.npy", allow_pickle=False))
        with np.load(place, allow_pickle=False) as opened:
            return np.asarray(opened[name])
    except MemoryError:
        raise
    except Exception as error:  # Damaged files make zip and numpy raise errors of every kind.
        if "allow_pickle" in str(error):
            raise UnfitError(f"{name} holds Python objects, but must hold numbers or texts") from error
        why = " ".join(str(error).split()) or type(error).__name__
        raise UnfitError(f"{name} in {shown(Path(place.name))} cannot be read: {why}") from error


def held(array: NDArray[Any]) -> str:
    """What an array holds, in words.

    >>> held(np.zeros(2, complex)), held(np.zeros(2))
    ('complex numbers (complex128)', 'numbers (float64)')
    """
    return f"{KINDS.get(array.dtype.kind, 'numbers')} ({array.dtype})"
