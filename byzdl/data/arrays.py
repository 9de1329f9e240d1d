"""A decoded data set as plain arrays."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from byzdl.config.types import RuleError
from byzdl.samples import Kind

IMAGES, FEATURES, TOKENS = np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.int64)
KINDS: dict[np.dtype[Any], Kind] = {IMAGES: "image", FEATURES: "features", TOKENS: "tokens"}


class Arrays(NamedTuple):
    """Holds a decoded data set of N training samples, and of others to test with.

    - `train_inputs`, `test_inputs`: uint8 [N, height, width, channels] for images, float32 [N, ...] for features, or
      int64 [N, length] in 0 .. vocabulary-1 for tokens. Images are standardised when they are read; features are used as
      they are
    - `train_targets`, `test_targets`: int64 [N] in 0 .. classes-1, or float32 [N] for a regression
    - `classes`: their number, or None for a regression
    - `vocabulary`: the number of different tokens; 0 for other inputs
    - `groups`: the user to whom each training sample belongs, int64 [N] in 0 .. users-1; None if nobody is known
    """

    train_inputs: NDArray[Any]
    train_targets: NDArray[Any]
    test_inputs: NDArray[Any]
    test_targets: NDArray[Any]
    classes: int | None
    vocabulary: int = 0
    groups: NDArray[np.int64] | None = None


def checked(decoded: Any) -> Arrays:
    """Returns what `decode` returned, if it is a whole data set.

    **Raises:** `RuleError` for anything else, worded to follow the method's name.

    >>> images, labels = np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1])
    >>> checked(Arrays(images, labels, images[:1], labels[1:] + 1, classes=2))
    Traceback (most recent call last):
    byzdl.config.types.RuleError: returns test targets from 2 to 2, but must return some of 0 .. 1
    """
    if not isinstance(decoded, Arrays):
        raise RuleError(f"returns a {type(decoded).__name__}, but must return Arrays")
    whole = decoded._replace(classes=_count(decoded.classes))
    for part in ("train", "test"):
        _check_part(part, getattr(whole, f"{part}_inputs"), getattr(whole, f"{part}_targets"), whole)
    train, test = ((inputs.dtype, list(inputs.shape[1:])) for inputs in (whole.train_inputs, whole.test_inputs))
    if train != test:
        got = " and ".join(f"{kind} {shape}" for kind, shape in (train, test))
        raise RuleError(f"returns inputs to train and to test with of {got}, but must of one type and shape")
    if whole.groups is not None:
        _check_groups(whole.groups, len(whole.train_targets))
    return whole


def _count(classes: Any) -> int | None:
    """The number of classes, or None for a regression."""
    if classes is None:
        return None
    try:
        count = operator.index(classes)
    except TypeError:
        count = 0
    if count < 1:
        raise RuleError(
            f"returns {classes!r} classes, but must return an integer, at least 1, or None for a regression"
        )
    return count


def _check_part(part: str, inputs: Any, targets: Any, whole: Arrays) -> None:
    _check_inputs(f"{part}_inputs", inputs, whole.vocabulary)
    _check_array(f"{part}_targets", targets, TOKENS if whole.classes else FEATURES, ("N",))
    if len(inputs) != len(targets) or not len(inputs):
        got = f"{len(inputs)} {part} inputs and {len(targets)} targets"
        raise RuleError(f"returns {got}, but must return a target for each input, and one input at least")
    if whole.classes:
        _check_range(f"{part} targets", targets, whole.classes)
    elif not np.isfinite(targets).all():
        raise RuleError(f"returns {part} targets that are not finite")


def _check_inputs(name: str, inputs: Any, vocabulary: int) -> None:
    kind = KINDS.get(inputs.dtype) if isinstance(inputs, np.ndarray) else None
    if kind is None:
        got = str(inputs.dtype) if isinstance(inputs, np.ndarray) else f"a {type(inputs).__name__}"
        takes = "uint8 for images, float32 for features, or int64 for tokens"
        raise RuleError(f"returns {name} as {got}, but must as a numpy array: {takes}")
    if kind == "image":
        _check_array(name, inputs, IMAGES, ("N", "height", "width", "channels"))
    elif kind == "tokens":
        _check_array(name, inputs, TOKENS, ("N", "length"))
        if inputs.size:
            _check_range(f"tokens in {name}", inputs, vocabulary)
    elif inputs.ndim < 2 or 0 in inputs.shape[1:]:
        raise RuleError(f"returns {name} as float32 {list(inputs.shape)}, but must as [N, ...], with a value at least")
    elif not np.isfinite(inputs).all():
        raise RuleError(f"returns {name} that are not finite")


def _check_range(what: str, values: Any, count: int) -> None:
    if values.min() < 0 or values.max() >= count:
        raise RuleError(
            f"returns {what} from {values.min()} to {values.max()}, but must return some of 0 .. {count - 1}"
        )


def _check_groups(groups: Any, samples: int) -> None:
    _check_array("groups", groups, TOKENS, ("N",))
    if len(groups) != samples:
        raise RuleError(f"returns {len(groups)} groups, but must return one for each of {samples} training samples")
    if groups.min() < 0 or len(np.unique(groups)) != groups.max() + 1:
        raise RuleError(
            f"returns groups from {groups.min()} to {groups.max()}, but must number users from 0, all of them"
        )


def _check_array(name: str, array: Any, kind: np.dtype[Any], axes: Sequence[str]) -> None:
    wanted = f"a numpy array of {kind} [{', '.join(axes)}]"
    if not isinstance(array, np.ndarray):
        raise RuleError(f"returns {name} as a {type(array).__name__}, but must as {wanted}")
    if array.dtype != kind or array.ndim != len(axes) or 0 in array.shape[1:]:
        raise RuleError(f"returns {name} as {array.dtype} {list(array.shape)}, but must as {wanted}")
