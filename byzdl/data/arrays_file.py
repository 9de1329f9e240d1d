"""Arrays of the user's own, in one file or in a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from byzdl.config.types import ConfigError, Count
from byzdl.data.arrays import Arrays
from byzdl.data.features import standardised
from byzdl.data.named_arrays import held, load, names
from byzdl.data.naming import listed
from byzdl.data.own_file import OwnFile
from byzdl.data.pixels import UnfitError, shown
from byzdl.data.targets import numbered, real

PARTS, ONE = ("x_train", "y_train", "x_test", "y_test"), ("x", "y")

LAYOUT = "an .npz file or a folder of .npy files, with x_train, y_train, x_test and y_test, or with x and y"

# Images have at most so many channels, if their axes could also be meant otherwise.
MOST_CHANNELS = 4

# By numpy's letters for kinds of types.
NUMBERS, LABELS, INTEGERS = "biuf", "biuUS", "biu"

Array = NDArray[Any]


class Named(NamedTuple):
    """An array, and its name in the file."""

    name: str
    values: Array


class ArraysFile(OwnFile):
    """Loads arrays of your own: `x_train`, `y_train`, `x_test` and `y_test` in an `.npz` file.

    They may also be `.npy` files of these names in a folder. Or there is one set, `x` and `y`, and a share of it is to test
    with. Arrays of other names are not read.

    - `path`: the file or the folder
    - `inputs`: what a sample is. `images`: whole numbers from 0 to 255 [N, height, width], or [N, height, width, channels].
      `features`: any numbers [N, ...]. `tokens`: whole numbers [N, length] from 0 on. `auto`: uint8 with 3 or 4 axes are
      images, everything else is features
    - `vocabulary`: the number of different tokens; null: the largest one plus 1
    - `standardise`: standardise each feature by its mean and standard deviation over the training samples
    - `task`: what the targets are, classes or numbers: the run's own `task`

    Numbers may be of any of numpy's types. Labels are integers or texts, and classes are numbered in their order. With
    `task=regression`, targets are any numbers. An optional array `groups` says to which user each sample of `x_train`, or of
    `x`, belongs, by texts or numbers.
    """

    inputs: Literal["auto", "images", "features", "tokens"] = "auto"
    vocabulary: Count | None = None
    standardise: bool = True
    task: Literal["classification", "regression"] = "classification"

    @model_validator(mode="after")
    def _has_a_use_for_its_vocabulary(self) -> "ArraysFile":
        if self.vocabulary is not None and self.inputs != "tokens":
            raise ConfigError.of("vocabulary", self.vocabulary, f"null, as inputs={self.inputs} has no tokens")
        return self

    def read(self) -> Arrays:
        try:
            found = self._found(self.place())
            (x_train, x_test), (y_train, y_test), users = self._parts(found)
            train_inputs, test_inputs, vocabulary = self._inputs(x_train, x_test)
            train_targets, test_targets, classes = self._targets(y_train, y_test)
            groups = None if users is None else _numbered_users(users)
        except UnfitError as error:
            raise ConfigError.of("dataset.path", self.path, f"{LAYOUT} ({error})") from error
        return Arrays(train_inputs, train_targets, test_inputs, test_targets, classes, vocabulary, groups)

    def _found(self, place: Path) -> Mapping[str, Array]:
        """The wanted arrays by name."""
        known = names(place)
        wanted, others = (ONE, PARTS) if set(ONE) & set(known) else (PARTS, ONE)
        holds = f"{shown(Path(place.name))} holds {listed(shown(Path(name)) for name in known) or 'no array'}"
        if both := [name for name in others if name in known]:
            raise UnfitError(f"{both[0]} is beside {wanted[0]}; {holds}")
        if missing := [name for name in wanted if name not in known]:
            raise UnfitError(f"{missing[0]} is missing; {holds}")
        if wanted == ONE and self.test_share is None:
            takes = f"a number between 0 and 1, the share of x and y in {self.path} to test with"
            raise ConfigError.of("dataset.test_share", None, takes)
        if wanted == PARTS and self.test_share is not None:
            raise ConfigError.of("dataset.test_share", self.test_share, f"null, as {self.path} has x_test and y_test")
        return {name: load(place, name) for name in (*wanted, "groups") if name in known}

    def _parts(self, found: Mapping[str, Array]) -> tuple[list[Named], list[Named], Array | None]:
        """The inputs to train and to test with, the targets likewise, and the users of the training samples."""
        wanted = ONE if "x" in found else PARTS
        inputs, targets = ([Named(name, found[name]) for name in wanted if name[0] == letter] for letter in "xy")
        for x, y in zip(inputs, targets, strict=True):
            _check_inputs(x)
            _check_length(y, x)
        shapes = [list(x.values.shape[1:]) for x in inputs]
        if shapes[0] != shapes[-1]:
            raise UnfitError(f"samples of x_train are {shapes[0]}, and those of x_test are {shapes[-1]}")
        users = found.get("groups")
        if users is not None:
            _check_length(Named("groups", users), inputs[0])
        if wanted == PARTS:
            return inputs, targets, users
        test = self.drawn_for_test(len(found["x"]))
        inputs, targets = ([Named(name, found[name][part]) for part in (~test, test)] for name in ONE)
        return inputs, targets, None if users is None else users[~test]

    def _inputs(self, train: Named, test: Named) -> tuple[Array, Array, int]:
        """The inputs of both parts, as data sets hold them, and the number of different tokens."""
        are_images = train.values.dtype == np.uint8 and train.values.ndim in (3, 4)
        kind = self.inputs if self.inputs != "auto" else "images" if are_images else "features"
        if kind == "images":
            return self._images(train), self._images(test), 0
        if kind == "features":
            return (*self._features(train, test), 0)
        most = max(self._largest_token(train), self._largest_token(test))
        if self.vocabulary is not None and most >= self.vocabulary:
            takes = f"at least {most + 1}, as {self.path} has tokens up to {most}"
            raise ConfigError.of("dataset.vocabulary", self.vocabulary, takes)
        return train.values.astype(np.int64), test.values.astype(np.int64), self.vocabulary or most + 1

    def _images(self, part: Named) -> Array:
        name, values = part
        if values.ndim not in (3, 4):
            raise self._no("images", f"{name} is {list(values.shape)}; images are [N, height, width, channels]")
        if values.dtype != np.uint8 and (values.min() < 0 or values.max() > 255 or (values % 1).any()):
            holds = f"{name} holds {values.dtype} from {values.min()} to {values.max()}"
            raise self._no("images", f"{holds}; images hold whole numbers from 0 to 255")
        if values.ndim == 4 and values.shape[1] <= MOST_CHANNELS < values.shape[3]:
            got = f"{name} is {list(values.shape)}, with channels first"
            raise UnfitError(f"{got}; images are [N, height, width, channels], as np.moveaxis({name}, 1, -1)")
        images = values.astype(np.uint8, copy=False)
        return images[..., None] if images.ndim == 3 else images

    def _largest_token(self, part: Named) -> int:
        name, values = part
        if values.ndim != 2 or values.dtype.kind not in INTEGERS:
            got = f"{values.dtype} {list(values.shape)}"
            raise self._no("tokens", f"{name} is {got}; tokens are integers [N, length]")
        if values.min() < 0:
            raise self._no("tokens", f"{name} holds {values.min()}; tokens begin at 0")
        return int(values.max())

    def _features(self, train: Named, test: Named) -> tuple[Array, Array]:
        if self.standardise:
            parts = standardised(train.values, test.values)
        else:
            with np.errstate(over="ignore"):
                parts = train.values.astype(np.float32), test.values.astype(np.float32)
        for part, values in zip((train, test), parts, strict=True):
            if not np.isfinite(values).all():
                raise UnfitError(f"{part.name} holds numbers that are too large")
        return parts

    def _no(self, kind: str, why: str) -> ConfigError:
        return ConfigError.of("dataset.inputs", self.inputs, f"another kind than {kind} ({why})")

    def _targets(self, train: Named, test: Named) -> tuple[Array, Array, int | None]:
        """The targets of both parts, and the number of classes; None for a regression."""
        for name, values in (train, test):
            if self.task == "regression" and values.dtype.kind not in NUMBERS:
                raise UnfitError(f"{name} holds {held(values)}, but must hold numbers, as task=regression")
            if self.task == "classification" and values.dtype.kind == "f":
                why = f"{name} in {self.path} holds {held(values)}; labels are integers or texts"
                raise ConfigError.of("dataset.task", self.task, f"regression (task=regression), as {why}")
            if self.task == "classification" and values.dtype.kind not in LABELS:
                raise UnfitError(f"{name} holds {held(values)}, but must hold integers or texts")
        one, other = (part.values.reshape(-1) for part in (train, test))
        return (*real(one, other), None) if self.task == "regression" else numbered(one, other)


def _check_inputs(x: Named) -> None:
    name, values = x
    if values.dtype.kind not in NUMBERS:
        raise UnfitError(f"{name} holds {held(values)}, but must hold numbers")
    if values.ndim < 2 or 0 in values.shape:
        raise UnfitError(f"{name} is {list(values.shape)}, but must be [N, ...], with a sample and a value at least")
    if not (finite := np.isfinite(values)).all():
        place = tuple(np.argwhere(~finite)[0].tolist())
        raise UnfitError(f"{name} holds {values[place]} in sample {place[0]}, but must hold finite numbers")


def _check_length(of_each: Named, x: Named) -> None:
    """Refuses another number of values than one for each sample, [N] or [N, 1]."""
    shape, count = of_each.values.shape, len(x.values)
    if shape not in ((count,), (count, 1)):
        raise UnfitError(f"{of_each.name} is {list(shape)}, but must be [{count}], as {x.name} has {count} samples")


def _numbered_users(users: Array) -> NDArray[np.int64]:
    """The users [N], numbered in their order."""
    if users.dtype.kind == "V" or (users != users).any():
        raise UnfitError(f"groups holds {'NaN' if users.dtype.kind != 'V' else held(users)}, but must name users")
    return np.unique(users.reshape(-1), return_inverse=True)[1]
