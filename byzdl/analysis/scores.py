"""The scores of runs: accuracy, and R² of regressions. Figures and tables hold one of them, and are named by it.

A folder may have runs of both. The commands then write the files of each, from its runs alone.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from byzdl.analysis.files import AnalysisError
from byzdl.analysis.run import Run


class Score(NamedTuple):
    """Describes a score. The higher, the better; the best is 1.

    - `name`: in names of columns and files
    - `label`: in figures and tables
    - `least`: where axes begin
    - `ticks`: of an axis
    - `cut`: what an axis says of values below, if there may be any
    - `prefix`: of file names that do not name the score
    - `columns`: what frames, or tables made from them, have of this score alone
    """

    name: str
    label: str
    least: float
    ticks: tuple[float, ...]
    cut: str
    prefix: str
    columns: tuple[str, ...]

    @property
    def mean(self) -> str:
        """The column of rounds.csv with the mean over benign nodes."""
        return f"{self.name}_mean"

    @property
    def worst(self) -> str:
        """The column of rounds.csv with the worst benign node."""
        return f"{self.name}_worst"


ACCURACY = Score("accuracy", "accuracy", 0, (0, 0.2, 0.4, 0.6, 0.8, 1), "", "", ("accuracy_mean", "accuracy"))

# R² has no lower bound: that of a lost node may be -1e30.
R2 = Score("r2", "R²", -1, (-1, -0.5, 0, 0.5, 1), ", cut at -1", "r2_", ("r2_mean", "r2", "rmse"))

SCORES = (ACCURACY, R2)


def by_score(done: Sequence[Run]) -> Iterator[tuple[Score, list[Run]]]:
    """Yields each score with its runs, if it has any.

    >>> [(score.name, len(runs)) for score, runs in by_score([Run("a", "done"), Run("b", "done", score="r2")])]
    [('accuracy', 1), ('r2', 1)]
    """
    for score in SCORES:
        if runs := [run for run in done if run.score == score.name]:
            yield score, runs


def score_of(frame: pd.DataFrame) -> Score:
    """Finds the score of a frame from `load` or `load_nodes`, or of a table from `final_accuracy`, by its columns.

    A part of a frame may have empty columns of another score, which do not count.

    **Raises:** `AnalysisError` if it has values of both scores.

    >>> score_of(pd.DataFrame({"accuracy_mean": [None], "r2_mean": [0.5]})).label
    'R²'
    """
    named = [score for score in SCORES if any(column in frame for column in score.columns)]
    found = [score for score in named if frame.filter(score.columns).notna().any(axis=None)]
    if found[1:]:
        raise AnalysisError("frame has runs of classification and regression, but must have one task: select it")
    return (found or named or [ACCURACY])[0]


def scaled_by(column: str) -> Score | None:
    """Returns the score on whose axis a column is drawn. The spread of R² between nodes has no bound, and so no axis.

    >>> [score and score.name for score in map(scaled_by, ("accuracy_std", "r2_worst", "r2_std"))]
    ['accuracy', 'r2', None]
    """
    return next((score for score in SCORES if column.startswith(score.name) and column != "r2_std"), None)


def written(value: float, form: str = ".3f") -> str:
    """Formats a score, or a difference of scores. A lost node's R² would have dozens of digits.

    - `form`: of values that are not that large

    >>> written(0.5), written(-0.25, "+.4f"), written(-2e30, "+.4f")
    ('0.500', '-0.2500', '-2.0e+30')
    """
    return f"{value:.1e}" if abs(value) >= 1000 else f"{value:{form}}"
