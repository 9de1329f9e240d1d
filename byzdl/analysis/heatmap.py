"""Draws final accuracy as heatmaps, with a row per attack, a column per defense and a panel per Byzantine rate."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure

from byzdl.analysis import style
from byzdl.analysis.ranking import ranking

CELL = 0.27  # inches

TITLES = {"mean": "mean over benign nodes", "worst": "worst benign node"}

LEAST = "least"  # the label of the row below all attacks


def heatmap(table: pd.DataFrame, column: str = "mean") -> Iterator[tuple[str, Figure]]:
    """Draws a figure for each setting, and yields it behind the setting's label.

    Columns are sorted by `ranking`: by the smallest value over all attacks, with the reference lines last. If `local`
    has runs, values above learning alone are blue, and values below it red.

    - `table`: from `final_accuracy`
    - `column`: `mean` or `worst`

    >>> means = {"defense": ["ubar", "local"], "mean": [0.9, 0.8]}
    >>> table = pd.DataFrame({"setting": "", "attack": "max", "br": 0.3, **means})
    >>> ((setting, figure),) = heatmap(table)
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['90', '80', '90', '80']
    """
    for setting, part in table.groupby("setting"):
        with mpl.rc_context(style.RC):
            yield str(setting), _figure(str(setting), part, column)


def _figure(setting: str, table: pd.DataFrame, column: str) -> Figure:
    rates = sorted(table["br"].unique())
    grids = [_grid(table[table["br"] == br], column) for br in rates]
    rows, columns = max(len(grid) for grid in grids), sum(grid.shape[1] for grid in grids)
    figure = Figure(figsize=(CELL * columns + 1.6 * len(rates), CELL * rows + 1.9), layout="constrained")
    for axes, br, grid in zip(figure.subplots(1, len(rates), squeeze=False)[0], rates, grids, strict=True):
        _panel(axes, grid)
        axes.set_title(f"$B_r$ = {br:g}")
    figure.suptitle(f"Final test accuracy in %, {TITLES[column]}{f': {setting}' if setting else ''}", fontsize=10)
    return figure


def _grid(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Arranges attacks by defenses, with a last row for the smallest value of each defense."""
    grid = table.pivot(index="attack", columns="defense", values=column)
    grid = grid.loc[sorted(grid.index, key=style.attack_order), ranking(table, column)]
    return pd.concat([grid, grid.min().to_frame(LEAST).T])


def _panel(axes: Axes, grid: pd.DataFrame) -> None:
    values = grid.to_numpy(dtype=float)
    alone = grid["local"].mean() if "local" in grid else np.nan
    centred = 0 < alone < 1
    norm = TwoSlopeNorm(vmin=0, vcenter=alone, vmax=1) if centred else Normalize(0, 1)
    colors = mpl.colormaps["RdBu" if centred else "cividis"]
    axes.imshow(values, cmap=colors, norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            red, green, blue, _ = colors(norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            axes.text(
                column, row, f"{100 * value:.0f}", ha="center", va="center", size=7, color="white" if dark else "black"
            )
    axes.set_xticks(range(len(grid.columns)), grid.columns, rotation=90)
    axes.set_yticks(range(len(grid.index)), grid.index)
    axes.axhline(len(grid) - 1.5, color="white", linewidth=3)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
