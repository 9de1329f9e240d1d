"""The base class of data sets that are files of the user's own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from byzdl.config.types import ConfigError, takes
from byzdl.data.arrays import Arrays
from byzdl.data.dataset import Dataset, path_of
from byzdl.data.features import random_share
from byzdl.files import checksum

InnerShare = Annotated[float | None, takes("a number between 0 and 1, or null", lambda v: v is None or 0 < v < 1)]


class OwnFile(Dataset):
    """Reads a file of the user's own, whose content represents it in a run's identity.

    - `path`: the file
    - `test_share`: the share of the samples to test with, where the file has no test part: a random one, the same for each
      seed
    - `checksum`: the checksum of the file, computed in the YAML. It represents the file in a run's identity; the path,
      which differs between machines, is no part of it
    """

    # The keys of files, each with the key of its checksum.
    seals: ClassVar[Mapping[str, str]] = {"path": "checksum"}

    path: str | None = None
    test_share: InnerShare = None
    checksum: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _sealed(cls, data: Any) -> Any:
        """An instance made in Python has the checksums that the YAML computes."""
        if not isinstance(data, dict):
            return data
        found = {seal: _checksum(data.get(key)) for key, seal in cls.seals.items() if seal not in data}
        return {**data, **found}

    def signature(self) -> Mapping[str, Any]:
        own = self.model_dump(exclude={"name", "cache", "test_samples", *self.seals})
        return {**own, **{seal: self._now(key) for key, seal in self.seals.items()}}

    def decode(self) -> Arrays:
        found = self.read()
        self.signature()  # refuses a file that has changed meanwhile
        return found

    def read(self) -> Arrays:
        """Reads the samples from the file."""
        raise NotImplementedError

    def place(self, key: str = "path") -> Path:
        """The file that a key names.

        **Raises:** `ConfigError` if there is none.
        """
        name = getattr(self, key)
        place = path_of(f"dataset.{key}", name or "")
        if name and os.path.exists(place):
            return place
        raise ConfigError.of(f"dataset.{key}", name, f"the path of your data{'; nothing is there' if name else ''}")

    def drawn_for_test(self, count: int) -> NDArray[np.bool_]:
        """Marks the samples to test with, out of `count`.

        **Raises:** `ConfigError` if there are none, or no others.
        """
        chosen = random_share(count, self.test_share or 0.0)
        if not 0 < chosen.sum() < count:
            takes = f"a share of the {count} samples that leaves some to train on and some to test with"
            raise ConfigError.of("dataset.test_share", self.test_share, takes)
        return chosen

    def _now(self, key: str) -> str | None:
        """The checksum of a file as it is now; None if the key names no file, and need not.

        **Raises:** `ConfigError` unless it is the one that the run's name knows.
        """
        if getattr(self, key) is None and key != "path":
            return None
        now, seal = self._of(key), self.seals[key]
        if getattr(self, seal) != now:
            takes = f"{now!r}, the checksum of {getattr(self, key)} as it is now"
            raise ConfigError.of(f"dataset.{seal}", getattr(self, seal), takes)
        return now

    def _of(self, key: str) -> str:
        place = self.place(key)
        try:
            return checksum(place)
        except OSError as error:
            raise ConfigError.of(f"dataset.{key}", getattr(self, key), f"readable ({error.strerror})") from error


def _checksum(path: Any) -> str | None:
    try:
        return checksum(Path(path).expanduser()) if isinstance(path, str) else None
    except (OSError, RuntimeError, ValueError):  # Reported when the file is read.
        return None
