"""Draws the usual figures of a folder of runs, one for each setting, and writes them."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from byzdl.analysis import grids, style
from byzdl.analysis.rounds import curves

# Each with the metadata to leave out: with a date, the same figure would give other bytes.
FORMATS: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


def draw(frame: pd.DataFrame, column: str | None = None) -> Iterator[tuple[str, Figure]]:
    """Draws the `curves` of each setting in byzdl's theme, and yields the figure behind the setting's label.

    - `frame`: from `load`
    - `column`: a column of rounds.csv; by default `accuracy_mean`, or of regressions `r2_mean`

    >>> case = {"run": "a", "setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "seed": 0}
    >>> frame = pd.DataFrame({**case, "round": [0, 10], "accuracy_mean": [0.1, 0.9]})
    >>> [(setting, figure.axes[0].get_title()) for setting, figure in draw(frame)]
    [('', '$B_r$ = 0.3')]
    """
    # Lines for all settings at once, so that colours agree between figures.
    lines = style.lines(frame["defense"])
    for setting, part in frame.groupby("setting"):
        with mpl.rc_context(style.theme()):
            grid = curves(part, column, **style.look(lines))
        yield str(setting), grids.detached(grid)


def save(figure: Figure, stem: Path) -> list[Path]:
    """Writes a figure as PNG, SVG and PDF. The same figure gives the same bytes.

    - `stem`: the path without an ending

    **Returns:** the files.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in save(Figure(), Path(folder, "accuracy"))]
    ['accuracy.png', 'accuracy.svg', 'accuracy.pdf']
    """
    files = []
    with mpl.rc_context(style.theme()):
        for ending, metadata in FORMATS.items():
            files.append(stem.with_name(f"{stem.name}.{ending}"))
            figure.savefig(files[-1], metadata=metadata)
    return files
