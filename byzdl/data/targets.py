"""Targets of the user's own: labels of any kind become classes 0, 1, ..., and numbers become float32."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from byzdl.data.naming import listed
from byzdl.data.pixels import UnfitError


def numbered(train: NDArray[Any], test: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Numbers the labels [N] of the training samples in their order, and those to test with likewise.

    Returns both, and the number of classes.

    **Raises:** `UnfitError` for a label that no training sample has, and for a single class.

    >>> numbered(np.array(["dog", "cat", "dog"]), np.array(["cat"]))
    (array([1, 0, 1]), array([0]), 2)
    """
    known, labels = np.unique(train, return_inverse=True)
    if unknown := sorted(set(test.tolist()) - set(known.tolist())):
        raise UnfitError(f"no training sample has these labels of the test part: {listed(map(repr, unknown))}")
    if len(known) < 2:
        raise UnfitError(f"all training samples have the label {known.tolist()[0]!r}; there must be two or more")
    return labels, np.searchsorted(known, test), len(known)


def real(train: NDArray[Any], test: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Makes both parts of a regression's targets [N] float32.

    **Raises:** `UnfitError` for targets that are not finite, or all alike.

    >>> real(np.array([1, 2]), np.array([0.5]))
    (array([1., 2.], dtype=float32), array([0.5], dtype=float32))
    """
    with np.errstate(over="ignore"):
        one, other = train.astype(np.float32), test.astype(np.float32)
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise UnfitError("some targets are NaN, infinite, or too large for float32")
    if one.min() == one.max():
        raise UnfitError(f"all training samples have the target {one[0]:g}; there must be different ones")
    return one, other
