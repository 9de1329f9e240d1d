"""The objective of a finished run: the number that a sweeper which optimises gets. Read from the run's table alone."""

import csv
from pathlib import Path

from byzdl.config.columns import SCORES
from byzdl.config.types import ConfigError


def objective(folder: Path, column: str | None = None) -> float:
    r"""Reads the last value of a column of rounds.csv.

    - `folder`: the folder of a finished run
    - `column`: by default that of the mean score, accuracy_mean or r2_mean

    **Raises:** `ConfigError` for a column that the table lacks, or that has no last value.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "rounds.csv").write_text("round,accuracy_mean,theta_mean\n0,0.1,\n5,0.75,\n")
    ...     objective(Path(folder))
    0.75
    """
    with open(folder / "rounds.csv", newline="", encoding="utf-8") as lines:
        table = csv.DictReader(lines)
        columns = table.fieldnames or ()
        column = column or next((f"{score}_mean" for score in SCORES if f"{score}_mean" in columns), "accuracy_mean")
        if column not in columns:
            raise ConfigError.unknown("objective", column, columns)
        *_, last = table
    if not last[column]:
        filled = ", ".join(name for name in columns if last[name])
        raise ConfigError.of("objective", column, f"a column of rounds.csv with a value in this run: {filled}")
    return float(last[column])
