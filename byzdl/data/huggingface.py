"""Data sets that the library `datasets` of Hugging Face reads."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from byzdl.config.types import ConfigError, Count
from byzdl.data.arrays import Arrays
from byzdl.data.dataset import path_of
from byzdl.data.naming import listed
from byzdl.data.own_file import OwnFile
from byzdl.data.pixels import Background, TransparentError, UnfitError, rgb
from byzdl.data.stacked import stacked
from byzdl.data.targets import numbered, real
from byzdl.data.tokens import Pieces, Tokenizer

# Files that mark a folder of `save_to_disk`: of several parts, or of a single one.
MARKS = ("dataset_dict.json", "state.json")

# By numpy's letters for kinds of types.
LABELS, NUMBERS = "biuUS", "biuf"

Images = NDArray[np.uint8]


class HuggingFace(OwnFile):
    """Loads images or texts through the library `datasets` of Hugging Face.

    - `path`: a name on the Hub, such as `ylecun/mnist`; or a folder, such as `save_to_disk` writes. What the library has
      in its own cache is read without a network
    - `subset`: the configuration, for a name with several ones
    - `revision`: the commit of the Hub's repository. Without it, a name may get other content some day, and runs do not
      notice
    - `image`, `text`: the column of images, or that of texts; one of them
    - `label`: the column to learn: classes are integers or texts, and numbers of any kind with `task=regression`
    - `groups`: the column that says to which user a sample belongs; null: nobody is known
    - `train`, `test`: the parts to train and to test with; without a `test`, a share `test_share` of `train` is
    - `image_size`: the side in pixels of the square that every image is scaled to; null: all images have one size
    - `background`: the colour behind transparent pixels, `black` or `white`; null: an image that has any is refused
    - `pieces`: texts are cut into `words`, in lower case, or `characters`
    - `length`: tokens of a text. Longer ones are cut, and shorter ones filled up with the token 0
    - `vocabulary`: how many pieces are known at most, the most frequent ones of the training part. Others are token 1
    - `task`: what the label is, a class or a number: the run's own `task`
    - `checksum`: the checksum of a folder, computed in the YAML. It represents the folder in a run's identity

    Images have one channel if all of them are grey, and are RGB otherwise. They are read as those of `image_folder`.
    """

    subset: str | None = None
    revision: str | None = None
    image: str | None = None
    text: str | None = None
    label: str = "label"
    groups: str | None = None
    train: str = "train"
    test: str | None = "test"
    image_size: Count | None = None
    background: Background | None = None
    pieces: Pieces = "words"
    length: Count = 64
    vocabulary: Count = 10_000
    task: Literal["classification", "regression"] = "classification"

    def signature(self) -> Mapping[str, Any]:
        if self.checksum is not None or (self.path and os.path.exists(path_of("dataset.path", self.path))):
            return super().signature()
        return self.model_dump(exclude={"name", "cache", "test_samples", "checksum"})

    def read(self) -> Arrays:
        if (self.image is None) == (self.text is None):
            takes = "the column of images, beside no dataset.text; or null, beside a column dataset.text"
            raise ConfigError.of("dataset.image", self.image, takes)
        train, test = self._parts()
        train_inputs, test_inputs, vocabulary = self._images(train, test) if self.image else self._texts(train, test)
        train_targets, test_targets, classes = self._targets(train, test)
        users = None if self.groups is None else self._users(train)
        return Arrays(train_inputs, train_targets, test_inputs, test_targets, classes, vocabulary, users)

    def _parts(self) -> tuple[Any, Any]:
        """The samples to train and to test with, as the library has them."""
        parts = self._found()
        for key, name in (("train", self.train), ("test", self.test)):
            if name is not None and name not in parts:
                share = "" if key == "train" else "; or null, with dataset.test_share"
                raise ConfigError.unknown(
                    f"dataset.{key}", name, parts, f"a part of {self.path}: {listed(parts)}{share}"
                )
        if self.test is None and self.test_share is None:
            takes = f"a number between 0 and 1, the share of {self.train} to test with, beside no dataset.test"
            raise ConfigError.of("dataset.test_share", None, takes)
        if self.test is not None and self.test_share is not None:
            raise ConfigError.of("dataset.test_share", self.test_share, f"null, as {self.test} is to test with")
        train = parts[self.train]
        if self.test is not None:
            return train, parts[self.test]
        chosen = self.drawn_for_test(len(train))
        return train.select(np.flatnonzero(~chosen)), train.select(np.flatnonzero(chosen))

    def _found(self) -> Mapping[str, Any]:
        """The parts of the data set by name."""
        by_name, from_disk = _library()
        if not self.path:
            takes = "the name of a data set on the Hugging Face Hub, or a folder written by save_to_disk"
            raise ConfigError.of("dataset.path", self.path, takes)
        place = path_of("dataset.path", self.path)
        saved = any((place / mark).is_file() for mark in MARKS)
        for key in ("subset", "revision"):
            if saved and getattr(self, key) is not None:
                raise ConfigError.of(f"dataset.{key}", getattr(self, key), f"null, as {self.path} is a saved data set")
        try:
            found = (
                from_disk(str(place))
                if saved
                else by_name(_known_as(self.path, place), self.subset, revision=self.revision)
            )
        except MemoryError:
            raise
        except Exception as error:  # of the network, of the disk, of formats
            why = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            takes = (
                f"a name that the Hugging Face Hub or its cache here knows, or a folder written by save_to_disk ({why})"
            )
            raise ConfigError.of("dataset.path", self.path, takes) from error
        return found if isinstance(found, dict) else {str(found.split or "train"): found}

    def _column(self, part: Any, key: str) -> list[Any]:
        """The values of the column that a key names.

        **Raises:** `ConfigError` if there is none, or a value is missing.
        """
        name, known = getattr(self, key), part.column_names
        if name not in known:
            raise ConfigError.unknown(f"dataset.{key}", name, known, f"a column of {self.path}: {listed(known)}")
        values: list[Any] = part.with_format(None).select_columns([name])[:][name]
        if not values:
            raise ConfigError.of("dataset.path", self.path, "a data set with samples in each part")
        if None in values:
            where = f"sample {values.index(None)} of {part.split or 'a part'} has none"
            raise ConfigError.of(f"dataset.{key}", name, f"a column without missing values; {where}")
        return values

    def _images(self, train: Any, test: Any) -> tuple[Images, Images, int]:
        parts = [self._column(part, "image") for part in (train, test)]
        every = [image for part in parts for image in part]
        if others := [image for image in every if not isinstance(image, Image.Image)]:
            raise self._no("image", f"images; it holds {type(others[0]).__name__}")
        mode = "L" if all(image.mode[0] in "1LIF" for image in every) else "RGB"
        shown = [[self._shown(image, place).convert(mode) for place, image in enumerate(part)] for part in parts]
        one, other = stacked(shown, self.image_size)
        return one, other, 0

    def _shown(self, image: Any, place: int) -> Image.Image:
        try:
            return rgb(image, f"image {place}", self.background)
        except TransparentError as error:
            why = f"black or white, the colour to show behind transparent pixels ({error})"
            raise ConfigError.of("dataset.background", self.background, why) from error
        except UnfitError as error:
            raise self._no("image", f"images that can be read ({error})") from error

    def _texts(self, train: Any, test: Any) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        texts = [self._column(part, "text") for part in (train, test)]
        if others := [text for part in texts for text in part if not isinstance(text, str)]:
            raise self._no("text", f"texts; it holds {type(others[0]).__name__}")
        tokenizer = Tokenizer.fitted(texts[0], self.pieces, self.vocabulary)
        one, other = (tokenizer.filled(part, self.length) for part in texts)
        return one, other, tokenizer.vocabulary

    def _targets(self, train: Any, test: Any) -> tuple[NDArray[Any], NDArray[Any], int | None]:
        """The targets of both parts, and the number of classes; None for a regression."""
        parts = [_array(self._column(part, "label")) for part in (train, test)]
        kinds: set[str] = {part.dtype.kind for part in parts if part.ndim == 1}
        regression = self.task == "regression"
        if not regression and "f" in kinds:
            takes = f"regression (task=regression), as {self.label} holds numbers with a point"
            raise ConfigError.of("dataset.task", self.task, f"{takes}; labels are integers or texts")
        if not kinds or kinds - set(NUMBERS if regression else LABELS):
            raise self._no("label", "numbers, as task=regression" if regression else "integers or texts")
        try:
            return (*real(*parts), None) if regression else numbered(*parts)
        except UnfitError as error:
            raise self._no("label", f"labels to learn ({error})") from error

    def _users(self, train: Any) -> NDArray[np.int64]:
        """The user of each training sample, numbered in the order of their names."""
        names = _array(self._column(train, "groups"))
        if names.ndim != 1 or names.dtype.kind not in LABELS:
            raise self._no("groups", "integers or texts, which name users")
        return np.unique(names, return_inverse=True)[1].astype(np.int64)

    def _no(self, key: str, what: str) -> ConfigError:
        return ConfigError.of(f"dataset.{key}", getattr(self, key), f"a column of {what}")


def _library() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The library's functions that load a data set by its name, and from a folder of `save_to_disk`."""
    try:
        from datasets import load_dataset, load_from_disk
    except ImportError as error:
        takes = "another one, as the package datasets is not installed: pip install 'byzdl[huggingface]'"
        raise ConfigError.of("dataset", "huggingface", takes) from error
    return load_dataset, load_from_disk


def _known_as(path: str, place: Path) -> str:
    return str(place) if place.exists() else path


def _array(values: Sequence[Any]) -> NDArray[Any]:
    """The values [N] as an array; of objects, or with more axes, unless they are all numbers or all texts."""
    if len({type(value) for value in values}) > 1:
        return np.array(values, dtype=object)
    try:
        return np.array(values)
    except ValueError:  # lists of different lengths
        return np.array(values, dtype=object)
