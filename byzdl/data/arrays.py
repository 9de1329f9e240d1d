"""A decoded data set as plain arrays."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from byzdl.config.types import RuleError


class Arrays(NamedTuple):
    """Holds a decoded data set: images uint8 [N, height, width, channels], labels int64 [N] in 0 .. classes-1."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    classes: int


def checked(decoded: Any) -> Arrays:
    """Returns what `decode` returned, if it is a whole data set.

    **Raises:** `RuleError` for anything else, worded to follow the method's name.

    >>> images, labels = np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1])
    >>> checked(Arrays(images, labels, images[:1], labels[1:] + 1, classes=2))
    Traceback (most recent call last):
    byzdl.config.types.RuleError: returns test labels from 2 to 2, but must return some of 0 .. 1
    """
    if not isinstance(decoded, Arrays):
        raise RuleError(f"returns a {type(decoded).__name__}, but must return Arrays")
    try:
        classes = operator.index(decoded.classes)
    except TypeError:
        classes = 0
    if classes < 1:
        raise RuleError(f"returns {decoded.classes!r} classes, but must return an integer, at least 1")
    for part in ("train", "test"):
        _check_part(part, getattr(decoded, f"{part}_images"), getattr(decoded, f"{part}_labels"), classes)
    train, test = (list(images.shape[1:]) for images in (decoded.train_images, decoded.test_images))
    if train != test:
        raise RuleError(f"returns images to train and to test with of {train} and {test}, but must of one shape")
    return decoded._replace(classes=classes)


def _check_part(part: str, images: Any, labels: Any, classes: int) -> None:
    _check_array(f"{part}_images", images, np.dtype(np.uint8), ("N", "height", "width", "channels"))
    _check_array(f"{part}_labels", labels, np.dtype(np.int64), ("N",))
    if len(images) != len(labels) or not len(images):
        got = f"{len(images)} {part} images and {len(labels)} labels"
        raise RuleError(f"returns {got}, but must return a label for each image, and one image at least")
    if labels.min() < 0 or labels.max() >= classes:
        got = f"{part} labels from {labels.min()} to {labels.max()}"
        raise RuleError(f"returns {got}, but must return some of 0 .. {classes - 1}")


def _check_array(name: str, array: Any, kind: np.dtype[Any], axes: Sequence[str]) -> None:
    wanted = f"a numpy array of {kind} [{', '.join(axes)}]"
    if not isinstance(array, np.ndarray):
        raise RuleError(f"returns {name} as a {type(array).__name__}, but must as {wanted}")
    if array.dtype != kind or array.ndim != len(axes) or 0 in array.shape[1:]:
        raise RuleError(f"returns {name} as {array.dtype} {list(array.shape)}, but must as {wanted}")
