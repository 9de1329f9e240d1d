"""Finishes seaborn's grids: one legend above all panels, and a figure that pyplot no longer holds."""

import math
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzdl.analysis import escape, style


@contextmanager
def laid_out_later() -> Iterator[None]:
    """Leaves the layout to `legend_above`: seaborn's own warns if it finds no room in small panels."""
    import seaborn as sns

    lay_out = sns.FacetGrid.tight_layout

    def around_panels(grid: Any, *args: Any, **keywords: Any) -> None:
        """Lays out a grid as seaborn does: before its first curve, and after its last one."""
        limits.close()
        lay_out(grid, *args, **keywords)
        if not any(ax.has_data() for ax in grid.axes.flat):
            limits.enter_context(limits_later(grid))

    with warnings.catch_warnings(), ExitStack() as limits:
        warnings.filterwarnings("ignore", "Tight layout not applied")
        sns.FacetGrid.tight_layout = around_panels
        try:
            yield
        finally:
            sns.FacetGrid.tight_layout = lay_out


@contextmanager
def limits_later(grid: Any) -> Iterator[None]:
    """Finds the limits of panels at the end. As panels share them, each curve would move those of all panels."""
    free = [ax for ax in grid.axes.flat if ax.get_autoscalex_on() and ax.get_autoscaley_on()]
    for ax in free:
        ax.set_autoscale_on(False)
    try:
        yield
    finally:
        for ax in free:
            ax.autoscale()


def stroke(lines: Iterable[Line2D], drawn: Iterable[str], order: Sequence[str], look: Mapping[str, Any]) -> None:
    """Gives the curves of a panel their dashes and widths, and the legend's own lines that may follow.

    seaborn tries each colour with each dashes and each width: with dozens of curves, that takes most of the time.

    - `lines`: the curves, as seaborn draws them: in the order of their texts
    - `drawn`: the texts of those that have a point
    - `order`: all texts
    - `look`: from `style.look`
    """
    present = set(drawn)
    for line, text in zip(lines, [*(text for text in order if text in present), *order], strict=False):
        line.set_dashes(look["dashes"][text])
        line.set_linewidth(look["sizes"][text])


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
    with limits_later(grid):
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
