"""Images of the user's own, one folder a class."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from byzdl.config.types import ConfigError, Count
from byzdl.data.dataset import Arrays, Dataset

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


class ImageFolder(Dataset):
    """Loads RGB images of your own from `root/train/CLASS/*` and `root/test/CLASS/*`.

    - `root`: the folder that holds `train` and `test`
    - `image_size`: the side in pixels of the square that every image is scaled to; without it, all images must have the
      same size

    Classes are numbered in alphabetical order. Images are decoded anew after files came into a class folder or went out
    of it. A file that is rewritten in place is not noticed: remove the cache then.
    """

    root: str = "data"
    image_size: Count | None = None

    def signature(self) -> Mapping[str, Any]:
        classes = [(part, folder) for part in ("train", "test") for folder in self._classes(part)]
        folders = {f"{part}/{folder.name}": folder.stat().st_mtime_ns for part, folder in classes}
        root = Path(self.root).expanduser().resolve()
        return {"root": str(root), "folders": folders, "image_size": self.image_size}

    def decode(self) -> Arrays:
        names = [folder.name for folder in self._classes("train")]
        if (others := [folder.name for folder in self._classes("test")]) != names:
            raise ConfigError.of(
                "dataset.root", self.root, f"a folder with the same classes in train ({names}) and in test ({others})"
            )
        train, test = self._read("train"), self._read("test")
        if len(sizes := {image.shape for image in [*train[0], *test[0]]}) != 1:
            takes = f"an integer, as the images have {len(sizes)} different sizes"
            raise ConfigError.of("dataset.image_size", self.image_size, takes)
        return Arrays(np.stack(train[0]), train[1], np.stack(test[0]), test[1], classes=len(names))

    def _classes(self, part: str) -> list[Path]:
        parent = Path(self.root).expanduser() / part
        folders = sorted(f for f in parent.iterdir() if f.is_dir()) if parent.is_dir() else []
        if not folders:
            raise ConfigError.of(
                "dataset.root",
                self.root,
                f"a folder with train/CLASS/* and test/CLASS/* ({parent.resolve()} has no class folder); "
                "dataset=digits needs no folder",
            )
        return folders

    def _read(self, part: str) -> tuple[list[NDArray[np.uint8]], NDArray[np.int64]]:
        files = [
            (file, label)
            for label, folder in enumerate(self._classes(part))
            for file in sorted(folder.iterdir())
            if file.suffix.lower() in SUFFIXES
        ]
        images = [self._image(file) for file, _ in files]
        return images, np.array([label for _, label in files], dtype=np.int64)

    def _image(self, file: Path) -> NDArray[np.uint8]:
        try:
            with Image.open(file) as opened:
                image = opened.convert("RGB")
        except (UnidentifiedImageError, OSError) as error:
            takes = f"a folder of readable images ({file} cannot be read: {error})"
            raise ConfigError.of("dataset.root", self.root, takes) from error
        if self.image_size is not None:
            image = image.resize((self.image_size, self.image_size))
        return np.asarray(image, dtype=np.uint8)
