"""Finishes seaborn's grids: one legend above all panels, and a figure that pyplot no longer holds."""

import math
import textwrap
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from byzdl.analysis import escape, style


@contextmanager
def laid_out_later() -> Iterator[None]:
    """Leaves the layout to `legend_above`: seaborn's own warns if it finds no room in small panels."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tight layout not applied")
        yield


def legend_above(grid: Any, title: str = "") -> None:
    """Moves the legend of a grid above its panels, with as many columns as fit, and lets the panels fill the rest.

    - `title`: of the legend, wrapped
    """
    import seaborn as sns

    figure = grid.figure
    title = textwrap.fill(escape.figure(title), style.characters(figure.get_figwidth()))
    if grid.legend is None:
        figure.suptitle(title)
    else:
        entries = len(grid.legend.get_texts())
        for rows in range(1, entries + 1):
            look = {"ncols": math.ceil(entries / rows), "handlelength": 2.2, "columnspacing": 1.2}
            sns.move_legend(grid, "outside upper center", title=title, **look)
            if grid.legend.get_window_extent().width <= figure.bbox.width:
                break
        widest = grid.legend.get_window_extent().width / figure.dpi
        figure.set_figwidth(max(figure.get_figwidth(), widest + 0.1))  # a single label may be wider than all panels
    figure.set_layout_engine("constrained")


def bands(
    grid: Any,
    data: pd.DataFrame,
    panel: str | list[str],
    *,
    x: str,
    hue: str,
    colors: Mapping[Any, str],
    ends: tuple[str, str] = ("low", "high"),
) -> None:
    """Draws the bands of means whose intervals are known already.

    - `panel`: the columns that tell the panels apart, in the order of the keys of `grid.axes_dict`
    - `ends`: the columns of the lower and the upper bounds
    """
    for key, part in data.groupby(panel):
        for value, curve in part.sort_values(x).groupby(hue):
            low, high = (curve[end] for end in ends)
            grid.axes_dict[key].fill_between(curve[x], low, high, color=colors[value], alpha=0.2, linewidth=0)


def detached(grid: Any) -> Figure:
    """Returns the figure of a grid, which pyplot forgets: it is in no notebook twice, and takes no memory."""
    from matplotlib import pyplot as plt

    figure: Figure = grid.figure
    plt.close(figure)
    return figure
