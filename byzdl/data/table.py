"""A table of the user's own."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from byzdl.config.types import ConfigError, takes
from byzdl.data.arrays import Arrays
from byzdl.data.columns import Kind, encoded, kind_of, numbers_of, texts_of
from byzdl.data.features import Features
from byzdl.data.frames import UNNAMED, frame
from byzdl.data.naming import listed
from byzdl.data.own_file import OwnFile
from byzdl.data.pixels import UnfitError
from byzdl.data.targets import numbered, real

if TYPE_CHECKING:  # pandas takes a while to import.
    import pandas as pd

Column = Annotated[str | int | None, takes("the name of a column")]
Columns = Annotated[list[str | int], takes("a list of names of columns")]


class Table(OwnFile):
    """Loads a table of your own, CSV or Parquet: a sample in each row, a feature in each column, and a target.

    - `path`: the file, which ends in .csv, .tsv or .parquet. The first line of a text has the names of the columns
    - `target`: the column to learn: classes are whole numbers or texts, and numbers of any kind with `task=regression`
    - `groups`: the column that says to which user a sample belongs; null: nobody is known
    - `drop`: columns that are left out
    - `missing`: what becomes of missing values: `refuse` them; or `impute` the mean of the training part for numbers, and a
      category of its own for categories
    - `test_path`: a second file, to test with, with the same columns
    - `separator`: what stands between two columns of a text; null: a comma in .csv, and a tabulator in .tsv
    - `task`: what the target is, a class or a number: the run's own `task`

    Numbers are standardised by the training part. Texts and truth values are categories, and each category of the training
    part is a feature of its own, 0 or 1. A category that only the test part has is 0 in all of them. Dates, texts with
    more than 100 different values, and columns without a name are refused, unless they are left out.
    """

    seals: ClassVar[Mapping[str, str]] = {**OwnFile.seals, "test_path": "test_checksum"}

    target: Column = None
    groups: Column = None
    drop: Columns = Field(default=[])
    missing: Literal["refuse", "impute"] = "refuse"
    test_path: str | None = None
    separator: str | None = None
    task: Literal["classification", "regression"] = "classification"
    test_checksum: str | None = None

    def read(self) -> Arrays:
        whole = self._frame("path")
        target, features, groups = self._columns(list(whole.columns))
        kinds = {name: kind_of(whole[name]) for name in whole.columns}
        train, test = self._parts(whole, {name: kinds[name] for name in (target, *features)})
        users = None if groups is None else self._users(train[groups], kinds[groups])
        train_targets, test_targets, classes = self._targets(train[target], test[target], kinds[target])
        parts = [self._features(train[name], test[name], kinds[name]) for name in features]
        train_inputs, test_inputs = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
        return Arrays(train_inputs, train_targets, test_inputs, test_targets, classes, groups=users)

    def _frame(self, key: str) -> "pd.DataFrame":
        try:
            found = frame(self.place(key), self.separator)
        except UnfitError as error:
            takes = f"a table in a .csv, .tsv or .parquet file ({error})"
            raise ConfigError.of(f"dataset.{key}", getattr(self, key), takes) from error
        if len(found.columns) == 1:
            only = f"{getattr(self, key)} has the single column {found.columns[0]!r}"
            raise ConfigError.of("dataset.separator", self.separator, f"what stands between two columns; {only}")
        return found

    def _columns(self, known: list[str]) -> tuple[str, list[str], str | None]:
        """The names of the target, of the features, and of the users."""
        wanted = {"target": self.target, "groups": self.groups}
        named = {key: str(name) for key, name in wanted.items() if name is not None}
        dropped = [str(name) for name in self.drop]
        if "target" not in named:
            raise ConfigError.of("dataset.target", None, f"a column of {self.path}: {listed(known)}")
        for key, name in [*named.items(), *(("drop", name) for name in dropped)]:
            if name not in known:
                raise ConfigError.unknown(f"dataset.{key}", name, known, f"a column of {self.path}: {listed(known)}")
        if twice := [name for name in dropped if name in named.values()]:
            raise self._dropped(f"without {twice[0]!r}, as it is the target or the column of users")
        if len(set(named.values())) < len(named):
            raise ConfigError.of("dataset.groups", self.groups, "another column than the target")
        features = [name for name in known if name not in (*named.values(), *dropped)]
        if not features:
            raise self._dropped(f"shorter, as no column of {self.path} is left to learn from")
        if nameless := [name for name in features if name.startswith(UNNAMED)]:
            raise self._drop(nameless[0], "a column without a name")
        return named["target"], features, named.get("groups")

    def _parts(self, whole: "pd.DataFrame", kinds: Mapping[str, Kind]) -> tuple["pd.DataFrame", "pd.DataFrame"]:
        """The rows to train and to test with."""
        if self.test_path is None:
            if self.test_share is None:
                takes = f"a number between 0 and 1, the share of {self.path} to test with, beside no dataset.test_path"
                raise ConfigError.of("dataset.test_share", None, takes)
            test = self.drawn_for_test(len(whole))
            return whole[~test], whole[test]
        if self.test_share is not None:
            raise ConfigError.of("dataset.test_share", self.test_share, f"null, as {self.test_path} is to test with")
        other = self._frame("test_path")
        for name, kind in kinds.items():
            if name not in other:
                takes = f"a table with the columns of {self.path}; {name!r} is missing"
                raise ConfigError.of("dataset.test_path", self.test_path, takes)
            if (found := kind_of(other[name])) != kind and not other[name].isna().all():
                takes = f"a table as {self.path}: {name!r} holds {found} here, and {kind} there"
                raise ConfigError.of("dataset.test_path", self.test_path, takes)
        return whole, other

    def _features(self, train: "pd.Series", test: "pd.Series", kind: Kind) -> tuple[Features, Features]:
        """The features of a column in both parts."""
        name = str(train.name)
        if kind in ("dates", "objects"):
            raise self._drop(name, f"a column of {kind}")
        for part, file in ((train, self.path), (test, self.test_path or self.path)):
            if self.missing == "refuse" and (lost := part.isna()).any():
                rows = f"{lost.sum()} of {len(part)} rows of {file}, first in row {_row(part, lost)}"
                takes = f"impute, or dataset.drop must hold {name!r}, which is missing in {rows}"
                raise ConfigError.of("dataset.missing", self.missing, takes)
            if kind == "numbers" and (endless := np.isinf(numbers_of(part))).any():
                raise self._drop(name, f"which is infinite in row {_row(part, endless)}")
        try:
            return encoded(train, test, kind)
        except UnfitError as error:
            raise self._drop(name, f"a column {error}") from error

    def _targets(
        self, train: "pd.Series", test: "pd.Series", kind: Kind
    ) -> tuple[NDArray[Any], NDArray[Any], int | None]:
        """The targets of both parts, and the number of classes; None for a regression."""
        parts = (train, test)
        for part, file in ((train, self.path), (test, self.test_path or self.path)):
            if (lost := part.isna()).any():
                raise self._no_target(f"without missing values; row {_row(part, lost)} of {file} has none")
        if kind in ("dates", "objects") or (self.task == "regression" and kind != "numbers"):
            wanted = "numbers, as task=regression" if self.task == "regression" else "whole numbers or texts"
            raise self._no_target(f"of {wanted}; in {self.path} it holds {kind}")
        try:
            if self.task == "regression":
                return (*real(*map(numbers_of, parts)), None)
            if kind == "categories":
                return numbered(*(np.array(texts_of(part)) for part in parts))
            if any(part.dtype.kind == "f" for part in parts):
                takes = f"regression (task=regression), as {train.name!r} in {self.path} holds numbers with a point"
                raise ConfigError.of("dataset.task", self.task, f"{takes}; labels are whole numbers or texts")
            return numbered(*(np.array(part.tolist()) for part in parts))
        except UnfitError as error:
            raise self._no_target(f"with something to learn in {self.path} ({error})") from error

    def _users(self, users: "pd.Series", kind: Kind) -> NDArray[np.int64]:
        """The user of each training sample, numbered in the order of their names."""
        if (lost := users.isna()).any() or kind == "objects":
            why = f"is missing in row {_row(users, lost)}" if lost.any() else "holds objects"
            raise ConfigError.of("dataset.groups", self.groups, f"a column that names users; it {why} of {self.path}")
        names = numbers_of(users) if kind == "numbers" else np.array(texts_of(users))
        return np.unique(names, return_inverse=True)[1].astype(np.int64)

    def _drop(self, name: str, what: str) -> ConfigError:
        return self._dropped(f"a list with {name!r}, {what} in {self.path}")

    def _dropped(self, takes: str) -> ConfigError:
        return ConfigError.of("dataset.drop", self.drop, takes)

    def _no_target(self, takes: str) -> ConfigError:
        return ConfigError.of("dataset.target", self.target, f"a column {takes}")


def _row(column: "pd.Series", chosen: "pd.Series | NDArray[np.bool_]") -> int:
    """The number of the first chosen row in its file, from 1 on."""
    return int(column.index[np.asarray(chosen)][0]) + 1
