"""Tables of the user's own as frames of pandas: nothing is renamed, shifted or cut off."""

import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from byzdl.data.naming import listed
from byzdl.data.pixels import UnfitError, shown

if TYPE_CHECKING:  # pandas takes a while to import.
    import pandas as pd

SEPARATORS = {".csv": ",", ".tsv": "\t"}

# How pandas calls a column without a name, such as the row numbers that it writes into a CSV file itself.
UNNAMED = "Unnamed: "


def frame(place: Path, separator: str | None) -> "pd.DataFrame":
    r"""Reads the table in a file that ends in .csv, .tsv or .parquet. All names of columns are texts.

    - `separator`: what stands between the columns of a text; None for what the ending says

    An empty cell of a text is a missing value, as are `?`, `NA` and what else pandas takes for one.

    **Raises:** `UnfitError` for a file that cannot be read as it is.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "my.csv").write_text("age,sex\n30,f\n?,m\n")
    ...     frame(Path(folder) / "my.csv", None)
        age sex
    0  30.0   f
    1   NaN   m
    """
    name, ending = shown(Path(place.name)), place.suffix.lower()
    if ending not in (*SEPARATORS, ".parquet") or place.is_dir():
        raise UnfitError(f"{name} is of another kind")
    try:
        found = _of_parquet(place) if ending == ".parquet" else _of_text(place, separator or SEPARATORS[ending])
    except (MemoryError, UnfitError):
        raise
    except Exception as error:  # Damaged files make pandas and pyarrow raise errors of every kind.
        why = " ".join(str(error).split()) or type(error).__name__
        raise UnfitError(f"{name} cannot be read: {why}") from error
    if found.empty:
        raise UnfitError(f"{name} has no rows")
    return found


def _of_text(place: Path, separator: str) -> "pd.DataFrame":
    import pandas as pd

    with open(place, encoding="utf-8-sig", newline="") as text:
        first = pd.read_csv(text, sep=separator, header=None, nrows=1, dtype=str, keep_default_na=False)
    _refuse_twice(first.iloc[0].tolist(), place)
    # Without these, pandas would take the first column for row numbers, or cut off what exceeds the titles.
    with warnings.catch_warnings(), open(place, encoding="utf-8-sig", newline="") as text:
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            text,
            sep=separator,
            index_col=False,
            skipinitialspace=True,
            na_values=["?"],
            low_memory=False,
        )


def _of_parquet(place: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise UnfitError("Parquet files need the package pyarrow; pip install 'byzdl[parquet]'") from error
    found = pd.read_parquet(place, engine="pyarrow")
    if any(name is not None for name in found.index.names):
        found = found.reset_index()
    names = [str(name) for name in found.columns]
    _refuse_twice(names, place)
    return found.reset_index(drop=True).set_axis(names, axis="columns")


def _refuse_twice(names: list[str], place: Path) -> None:
    if twice := [name for name, count in Counter(names).items() if name and count > 1]:
        raise UnfitError(f"{shown(Path(place.name))} has two columns {listed(map(repr, twice))}")
