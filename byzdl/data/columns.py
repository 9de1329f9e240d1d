"""Columns of a table as features: numbers are standardised, and categories are one-hot, by the training part alone."""

import datetime
import re
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from byzdl.data.features import Features, standardised
from byzdl.data.pixels import UnfitError

if TYPE_CHECKING:  # pandas takes a while to import.
    import pandas as pd

Kind = Literal["numbers", "categories", "dates", "objects"]

# Texts with more different values are names or sentences rather than categories.
MAX_CATEGORIES = 100

DATE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})([ T].*)?")


def kind_of(column: "pd.Series") -> Kind:
    """Tells what a column holds. Texts, truth values and pandas' own categories are categories.

    >>> import pandas as pd
    >>> [kind_of(pd.Series(values)) for values in ([1, 2.5], ["a", None], [True, False], ["2024-01-31"], [[1], [2]])]
    ['numbers', 'categories', 'categories', 'dates', 'objects']
    """
    import pandas as pd

    types, dtype = pd.api.types, column.dtype
    if isinstance(dtype, pd.CategoricalDtype) or types.is_bool_dtype(dtype):
        return "categories"
    if types.is_numeric_dtype(dtype):
        return "objects" if types.is_complex_dtype(dtype) else "numbers"
    if types.is_datetime64_any_dtype(dtype) or dtype.kind == "m" or isinstance(dtype, pd.PeriodDtype):
        return "dates"
    values = column.dropna().unique() if isinstance(dtype, pd.StringDtype) else _different(column)
    if not len(values):
        return "numbers"
    if all(isinstance(value, datetime.date | datetime.time | datetime.timedelta) for value in values):
        return "dates"
    if not all(isinstance(value, str | bool) for value in values):
        return "objects"
    return "dates" if all(isinstance(value, str) and DATE.fullmatch(value) for value in values) else "categories"


def encoded(train: "pd.Series", test: "pd.Series", kind: Kind) -> tuple[Features, Features]:
    """Turns a column of numbers or categories, without infinite values, into features [N, k] of both parts.

    - Numbers are one feature. A missing value is the mean of the training part.
    - Each category of the training part is a feature, 1 where a sample has it. Missing values are a category of their own.
      A category that the training part lacks is 0 in all features.

    **Raises:** `UnfitError` for numbers that the training part lacks or that are too large, and for too many categories;
    worded to follow "a column".

    >>> import pandas as pd
    >>> [part.tolist() for part in encoded(pd.Series(["b", "a", "b"]), pd.Series(["a", "c"]), "categories")]
    [[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]]]
    """
    if kind == "numbers":
        return _numbers(numbers_of(train), numbers_of(test))
    one, other = texts_of(train), texts_of(test)
    known = sorted({value for value in one if value is not None})
    if len(known) > MAX_CATEGORIES:
        raise UnfitError(f"of {len(known)} different texts, above the {MAX_CATEGORIES} of categories,")
    every = [*known, *([None] if None in one else [])]
    return _one_hot(one, every), _one_hot(other, every)


def numbers_of(column: "pd.Series") -> NDArray[np.float64]:
    """The values of a column of numbers [N], NaN where one is missing."""
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def texts_of(column: "pd.Series") -> list[str | None]:
    """The values of any other column [N], None where one is missing."""
    missing = column.isna().tolist()
    return [None if lost else str(value) for value, lost in zip(column.tolist(), missing, strict=True)]


def _numbers(train: NDArray[np.float64], test: NDArray[np.float64]) -> tuple[Features, Features]:
    known = train[~np.isnan(train)]
    if not len(known):
        raise UnfitError("without a value to train on")
    with np.errstate(over="ignore", invalid="ignore"):
        one, other = (np.where(np.isnan(part), known.mean(), part)[:, None] for part in (train, test))
    parts = standardised(one, other)
    if not all(np.isfinite(part).all() for part in parts):
        raise UnfitError("of numbers that are too large")
    return parts


def _one_hot(values: list[str | None], categories: list[str | None]) -> Features:
    place = {category: k for k, category in enumerate(categories)}
    found = np.array([place.get(value, -1) for value in values])
    chosen: NDArray[np.bool_] = found[:, None] == np.arange(len(categories))
    return chosen.astype(np.float32)


def _different(column: "pd.Series") -> list[object]:
    """The different values of a column of Python objects, which need no hash."""
    return list({repr(value): value for value in column.dropna()}.values())
