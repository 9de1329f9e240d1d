"""Draws final accuracy, or R², as heatmaps: a row per attack, a column per defense, a panel per Byzantine rate."""

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure

from byzdl.analysis import escape, grids, style
from byzdl.analysis.files import AnalysisError
from byzdl.analysis.levels import levels
from byzdl.analysis.ranking import ranking
from byzdl.analysis.scores import Score, score_of
from byzdl.analysis.tables import final_accuracy

CELL, AROUND = 0.27, (1.6, 1.9)  # inches: a cell, and the room for labels

TITLES = {"mean": "mean over benign nodes", "worst": "worst benign node"}

LEAST = "least"  # the label of the row below all attacks


def heatmap(table: pd.DataFrame, column: str = "mean", *, ax: Axes | None = None, **keywords: Any) -> Any:
    """Draws final accuracy, or R², in % with seaborn: a row per attack, a column per defense, a panel per Byzantine rate.

    Columns are sorted by `ranking`: by the smallest value over all attacks, with the reference lines last. If `local`
    has runs, values above learning alone are blue, and values below it red.

    - `table`: from `final_accuracy` or from `load`, with one setting
    - `column`: of the table, such as `mean` or `worst`
    - `ax`: where to draw a single rate
    - `keywords`: for `seaborn.heatmap`

    **Returns:** a `seaborn.FacetGrid`; with `ax` that.

    **Raises:** `AnalysisError` if the table has several settings, or with `ax` several rates.

    >>> from matplotlib.figure import Figure
    >>> means = {"defense": ["ubar", "local"], "mean": [0.9, 0.8]}
    >>> table = pd.DataFrame({"setting": "", "attack": "max", "br": 0.3, **means})
    >>> [text.get_text() for text in heatmap(table, ax=Figure().subplots()).texts]
    ['90', '80', '90', '80']
    """
    import seaborn as sns

    table = final_accuracy(table) if "round" in table else table
    score = score_of(table)
    for key in ["setting"] if ax is None else ["setting", "br"]:
        if (values := table[key].unique()).size > 1:
            got = " and ".join(map(repr, values[:2].tolist()))
            raise AnalysisError(f"{key} is {got} in one heatmap, but must be one value: select it")
    if ax is not None:
        return _panel(ax, _arranged(table, column), score, keywords)
    parts = {text: _arranged(table[table["br"] == br], column) for br, text in levels(table, "br").items()}
    height = CELL * max(map(len, parts.values())) + AROUND[1]
    width = CELL * max(part.shape[1] for part in parts.values()) + AROUND[0]
    panels = {"col": "br", "height": height, "aspect": width / height, "sharex": False, "sharey": False}
    with grids.laid_out_later():
        grid = sns.FacetGrid(pd.DataFrame({"br": list(parts)}), despine=False, **panels)
    for text, part in parts.items():
        _panel(grid.axes_dict[text], part, score, keywords)
    grid.set_titles("{col_name}")
    setting = escape.figure(str(table["setting"].iloc[0]))
    cut = f" (less than {100 * score.least} as {100 * score.least})" if score.cut else ""
    about = f"Final test {score.label} in %, {TITLES.get(column, column)}{cut}{f': {setting}' if setting else ''}"
    grids.legend_above(grid, about)
    return grid


def heatmaps(table: pd.DataFrame, column: str = "mean") -> Iterator[tuple[str, Figure]]:
    """Draws the `heatmap` of each setting in byzdl's theme, and yields the figure behind the setting's label.

    - `table`: from `final_accuracy`
    - `column`: `mean` or `worst`

    >>> means = {"defense": ["ubar", "local"], "mean": [0.9, 0.8]}
    >>> table = pd.DataFrame({"setting": "", "attack": "max", "br": 0.3, **means})
    >>> [(setting, figure.axes[0].get_title()) for setting, figure in heatmaps(table)]
    [('', '$B_r$ = 0.3')]
    """
    for setting, part in table.groupby("setting"):
        with mpl.rc_context(style.theme()):
            grid = heatmap(part, column)
        yield str(setting), grids.detached(grid)


def _arranged(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Arranges attacks by defenses, with a last row for the smallest value of each defense."""
    grid = table.pivot(index="attack", columns="defense", values=column)
    grid = grid.loc[sorted(grid.index, key=style.attack_order), ranking(table, column)]
    return pd.concat([grid, grid.min().to_frame(LEAST).T])


def _panel(ax: Axes, grid: pd.DataFrame, score: Score, keywords: dict[str, Any]) -> Axes:
    import seaborn as sns

    alone = grid["local"].mean() if "local" in grid else np.nan
    least, centred = 100 * score.least, score.least < alone < 1
    norm = TwoSlopeNorm(vmin=least, vcenter=100 * alone, vmax=100) if centred else Normalize(least, 100)
    look = {"cmap": "RdBu" if centred else "cividis", "norm": norm, "annot": True, "fmt": ".0f", "cbar": False}
    shown = (100 * grid.rename(index=escape.figure, columns=escape.figure)).astype(float).clip(lower=least)
    sns.heatmap(shown, ax=ax, xticklabels=True, yticklabels=True, **{**look, "annot_kws": {"size": 7}, **keywords})
    ax.axhline(len(grid) - 1, color="white", linewidth=3)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90)
    ax.tick_params(axis="y", rotation=0)
    ax.set(xlabel="", ylabel="")
    return ax
