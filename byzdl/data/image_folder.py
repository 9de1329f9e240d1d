"""Images of the user's own, one folder a class."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import model_validator

from byzdl.config.types import ConfigError, Count, takes
from byzdl.data.arrays import Arrays
from byzdl.data.class_folders import PARTS, Classes, classes_of, user_of
from byzdl.data.dataset import Dataset, path_of
from byzdl.data.pixels import Background, NoImageError, TransparentError, UnfitError, read, shown
from byzdl.files import checksum

LAYOUT = "a folder with train/CLASS/* and test/CLASS/*"

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


class ImageFolder(Dataset):
    """Loads RGB images of your own from `root/train/CLASS/*` and `root/test/CLASS/*`.

    - `root`: the folder that holds `train` and `test`
    - `image_size`: the side in pixels of the square that every image is scaled to; without it, all images must have the
      same size
    - `users`: whether the folders of training images begin with the user to whom they belong, `root/train/USER/CLASS/*`. Not
      all users need all classes
    - `background`: the colour behind transparent pixels, `black` or `white`; without it, an image that has any is refused
    - `checksum`: checksums of `train` and `test`, computed in the YAML. They represent the images in a run's identity; the
      root, which differs between machines, is no part of it

    Classes are numbered in alphabetical order. Every file in a class folder is read as an image, whatever its suffix, or
    refused by its name: nothing is left out but hidden names (`.ipynb_checkpoints`, `._1.png`, `Thumbs.db`) and notes
    (`.txt`, `.csv`, `.json`, ...).

    An image is read as it is shown: turned upright by its EXIF orientation, in any format and mode that Pillow converts
    to RGB. Grey values of 10 to 16 bits are scaled by the range of their format. Refused are numbers without a range (32
    bits, floating point), signed ones, and files of several images (animations, stacks). Colour profiles are ignored.
    """

    root: str = "data"
    users: bool = False
    image_size: Count | None = None
    background: Background | None = None
    checksum: Annotated[
        list[str | None] | None, takes("null, or the checksums of train and test", lambda v: v is None or len(v) == 2)
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _sealed(cls, data: Any) -> Any:
        """An instance made in Python has the checksums that the YAML computes."""
        if not isinstance(data, dict) or "checksum" in data or not isinstance(data.get("root", ""), str):
            return data
        try:
            found: list[str | None] = [*_checksums(data.get("root", cls.model_fields["root"].default))]
        except (ConfigError, OSError, ValueError):  # Reported when the images are read.
            found = [None, None]
        return {**data, "checksum": found}

    def signature(self) -> Mapping[str, Any]:
        users = {"users": True} if self.users else {}
        return {"content": self._content(), "image_size": self.image_size, "background": self.background, **users}

    def decode(self) -> Arrays:
        before = self._content()
        found = self._classes()
        (train, train_labels), (test, test_labels) = self._read(found)
        if self._content() != before:
            raise self._refused(f"{shown(Path(self.root))} has changed while it was read")
        images = [image for every in found["train"].values() for image in every]
        groups = np.unique([user_of(image) for image in images], return_inverse=True)[1] if self.users else None
        return Arrays(train, train_labels, test, test_labels, classes=len(found["train"]), groups=groups)

    def _content(self) -> list[str]:
        """The checksums of train and test as they are now."""
        try:
            now = _checksums(self.root)
        except (OSError, ValueError) as error:
            self._classes()  # finds out what is wrong, and names it
            raise self._refused(str(error)) from error
        if self.checksum not in (None, now):
            expected = f"{now!r}, the checksums of train and test in {self.root} as they are now"
            raise ConfigError.of("dataset.checksum", self.checksum, expected)
        return now

    def _classes(self) -> dict[str, Classes]:
        try:
            return classes_of(path_of("dataset.root", self.root), self.users)
        except UnfitError as error:
            raise self._refused(str(error)) from error

    def _refused(self, why: str) -> ConfigError:
        layout = LAYOUT.replace("train/", "train/USER/") if self.users else LAYOUT
        return ConfigError.of("dataset.root", self.root, f"{layout} ({why}); dataset=digits needs no folder")

    def _read(self, found: Mapping[str, Classes]) -> list[tuple[Images, Labels]]:
        """The images and labels of each part."""
        parts = []
        first: tuple[Path, tuple[int, ...]] | None = None
        for part in PARTS:
            images, labels = [], []
            for label, files in enumerate(found[part].values()):
                for file in files:
                    image = self._image(file, files)
                    first = first or (file, image.shape)
                    if image.shape != first[1]:
                        sizes = " and ".join(f"{w}x{h} in {shown(f)}" for f, (h, w, _) in (first, (file, image.shape)))
                        raise ConfigError.of(
                            "dataset.image_size", self.image_size, f"an integer, as sizes differ: {sizes}"
                        )
                    images.append(image)
                    labels.append(label)
            parts.append((np.stack(images), np.array(labels, dtype=np.int64)))
        return parts

    def _image(self, file: Path, beside: Sequence[Path]) -> Images:
        try:
            image = read(file, self.background)
        except TransparentError as error:
            why = f"black or white, the colour to show behind transparent pixels ({error})"
            raise ConfigError.of("dataset.background", self.background, why) from error
        except NoImageError as error:
            raise self._unreadable(f"{error}{_others(file, beside)}") from error
        except UnfitError as error:
            raise self._unreadable(str(error)) from error
        if self.image_size is not None:
            image = image.resize((self.image_size, self.image_size))
        return np.asarray(image, dtype=np.uint8)

    def _unreadable(self, why: str) -> ConfigError:
        return ConfigError.of("dataset.root", self.root, f"a folder of readable images ({why})")


def _others(file: Path, beside: Sequence[Path]) -> str:
    """How many files with the suffix of one that is no image would be lost with it."""
    alike = sum(other.suffix == file.suffix for other in beside) - 1
    if alike < 1 or file.suffix.lower() in Image.registered_extensions():
        return ""
    return f", as may be {alike} more {f'{file.suffix} files' if file.suffix else 'files without a suffix'} beside it; convert them, for example to PNG"


def _checksums(root: str) -> list[str]:
    folder = path_of("dataset.root", root)
    return [checksum(folder / part) for part in PARTS]
