"""Draws curves over the rounds with seaborn, by default with a row per attack, a column per rate, a colour per defense."""

import math
import textwrap
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from byzdl.analysis import escape, grids, style
from byzdl.analysis.levels import levels, values_of
from byzdl.analysis.scores import SCORES, scaled_by, score_of
from byzdl.analysis.selection import check, segmented, selected
from byzdl.analysis.statistics import bootstrap_interval

# With fewer seeds than this a band alone would hide how few they are.
FEW_SEEDS = 5

# Keywords of seaborn.relplot that seaborn.lineplot does not have.
OF_GRIDS = ("row_order", "col_order", "col_wrap", "facet_kws")

# Keywords that leave a panel with one line for each colour. Only then `grids.stroke` knows whose it is.
PLAIN = {*OF_GRIDS, "hue_order", "palette", "dashes", "sizes", "height", "aspect", "legend"}

# More notes than this would crowd the figure.
MANY_NOTES = 8

LABELS = {
    "round": "round (mini-batch)",
    **{score.mean: f"test {score.label}, mean over benign nodes{score.cut}" for score in SCORES},
    **{score.worst: f"test {score.label}, worst benign node{score.cut}" for score in SCORES},
    "rmse_mean": "test RMSE, mean over benign nodes",
}

# In inches: a panel, the room around all panels for labels and legend, and the least width for a legend.
PANEL, AROUND, LEAST = (2.15, 1.65), (0.6, 1.0), 3.4


def curves(
    frame: pd.DataFrame,
    column: str | None = None,
    *,
    ax: Axes | None = None,
    row: str | None = "attack",
    col: str | None = "br",
    hue: str | None = "defense",
    **keywords: Any,
) -> Any:
    """Draws a column of rounds.csv against the rounds with seaborn: means over seeds, and their 95% bootstrap intervals.

    - `frame`: from `load`, or a part of it. The runs of a curve may differ in the seed alone
    - `column`: what to draw, by default `accuracy_mean`, or of regressions `r2_mean`. Set a logarithmic scale afterwards:
      before, seaborn would average logarithms
    - `ax`: where to draw a single panel, without `row` and `col`
    - `row`, `col`, `hue`: any columns of the frame, or None
    - `keywords`: for `seaborn.relplot`; with `ax` for `seaborn.lineplot`. A palette may name a part of the values, and an
      order may leave some out: `palette={"ubar": "black"}`, `hue_order=["ubar", "local"]`

    Each defense has the colour and the dashes of all figures. With fewer than 5 seeds each seed has a thin curve, too. A
    note below a grid names the curves with fewer seeds than others. The theme is the current one; that of `draw` is
    `seaborn.set_theme(rc=byzdl.analysis.theme())`. Intervals are those of the tables. seaborn's own, with
    `errorbar=("ci", 95)`, agree with them up to the random numbers, and take much longer.

    **Returns:** a `seaborn.FacetGrid`; with `ax` that.

    **Raises:** `AnalysisError` if the runs of a curve differ in more than the seed, or if there is no such column.

    >>> case = {"run": "a", "setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "seed": 0}
    >>> frame = pd.DataFrame({**case, "round": [0, 10], "accuracy_mean": [0.1, 0.9]})
    >>> from matplotlib.figure import Figure
    >>> ax = curves(frame, ax=Figure().subplots(), palette={"ubar": "black"})
    >>> [(line.get_color(), line.get_ydata().tolist()) for line in ax.lines[:1]]
    [('black', [0.1, 0.9])]
    """
    import seaborn as sns

    is_plain = ax is None and hue is not None and keywords.keys() <= PLAIN
    facets = {name: kind for name, kind in (("row", row), ("col", col)) if kind is not None and ax is None}
    kinds = facets | ({} if hue is None else {"hue": hue})
    column = column or score_of(frame).mean
    frame = selected(frame, column, kinds, keywords)
    apart = list(dict.fromkeys([*kinds.values(), *filter(None, map(keywords.get, ("style", "size")))]))
    check(frame, apart, ax)

    if ax is None:
        size, across = _size(frame, facets, keywords)
        height, width = size["height"] - 0.6, size["height"] * size["aspect"]
    else:
        across, height, width = 1, ax.bbox.height / ax.figure.dpi, ax.bbox.width / ax.figure.dpi
    room = {"row": height, "col": width - 0.2, "hue": width * across - 0.7}
    named = {name: levels(frame, kind, style.characters(room[name])) for name, kind in kinds.items()}
    data = segmented(frame, column, apart)
    data = data.assign(**{kind: values_of(frame, kind).map(named[name]) for name, kind in kinds.items()})
    # seaborn leaves infinite values out.
    first = data.assign(**{column: data[column].where(data["segment"] == 0, np.inf)})
    look: dict[str, Any] = {"hue": hue, "errorbar": interval, "seed": 0, "err_kws": {"linewidth": 0}}
    for name, texts in named.items():
        look[f"{name}_order"] = [texts.get(value, value) for value in keywords.pop(f"{name}_order", texts)]
    if hue is not None:
        look |= _lines(hue, named["hue"], keywords)
    look |= keywords

    if ax is not None:
        sns.lineplot(first, x="round", y=column, ax=ax, **look)
        _finish(ax, data, column, look, {})
        ax.set(xlabel=LABELS["round"], ylabel=_label(column, height))
        if ax.legend_ is not None:
            ax.legend_.set_title("")
        return ax
    strokes = _strokes(look) if is_plain else {}
    look["facet_kws"] = {"margin_titles": True, "legend_out": False} | look.get("facet_kws", {})
    with grids.laid_out_later():
        grid = sns.relplot(first, kind="line", x="round", y=column, **facets, **size, **look)
    for (i, j, _), part in grid.facet_data():
        _finish(grid.facet_axis(i, j, modify_state=False), data.loc[part.index], column, look, strokes)
    if strokes and grid.legend is not None:
        grids.stroke(grid.legend.legend_handles, [], look["hue_order"], strokes)
    grid.set_titles(row_template="{row_name}", col_template="{col_name}")
    grid.set_axis_labels(LABELS["round"], _label(column, height))
    if note := _fewer_seeds(frame, apart):
        fontsize = mpl.rcParams["axes.labelsize"]
        grid.figure.supxlabel(textwrap.fill(note, style.characters(width * across)), fontsize=fontsize)
    grids.legend_above(grid, ", ".join(map(str, set(frame.get("setting", [])) if "setting" not in apart else ())))
    return grid


def interval(values: "pd.Series[float]") -> tuple[float, float]:
    """Returns the bounds of `bootstrap_interval`, as seaborn takes an `errorbar`.

    >>> interval(pd.Series([0.5, 1.0]))
    (0.5, 1.0)
    """
    low, high = bootstrap_interval(values.to_numpy()[:, None])
    return float(low[0]), float(high[0])


def _size(frame: pd.DataFrame, facets: Mapping[str, str], keywords: dict[str, Any]) -> tuple[dict[str, float], int]:
    """Returns a panel's size as seaborn takes it, by default with room for labels and legend, and the panels in a row."""
    down, across = (values_of(frame, facets[name]).nunique() if name in facets else 1 for name in ("row", "col"))
    if wrap := keywords.get("col_wrap"):
        down, across = math.ceil(across / wrap), wrap
    height = keywords.pop("height", (PANEL[1] * down + AROUND[1]) / down)
    aspect = keywords.pop("aspect", max(PANEL[0] * across + AROUND[0], LEAST) / across / height)
    return {"height": height, "aspect": aspect}, across


def _lines(hue: str, texts: Mapping[Hashable, str], keywords: dict[str, Any]) -> dict[str, Any]:
    """Returns the curves' colours, dashes and widths as seaborn takes them. What the keywords say comes first."""
    lines = style.look(style.by(hue, texts))
    for semantic, part in (("style", "dashes"), ("size", "sizes")):
        if semantic in keywords:
            del lines[part]
        else:
            keywords[semantic] = hue
    look: dict[str, Any] = {}
    for part, fixed in lines.items():
        given = keywords.pop(part, {})
        asked = {**fixed, **given} if isinstance(given, Mapping) else given
        look[part] = {texts.get(k, k): v for k, v in asked.items()} if isinstance(asked, Mapping) else asked
    return look


def _strokes(look: dict[str, Any]) -> dict[str, Any]:
    """Takes the dashes and widths of curves out of their look, for `grids.stroke`. Empty if seaborn must choose some."""
    if not all(isinstance(look[part], Mapping) for part in ("dashes", "sizes")):
        return {}
    del look["style"], look["size"]
    return {part: look.pop(part) for part in ("dashes", "sizes")}


def _finish(ax: Axes, data: pd.DataFrame, column: str, look: Mapping[str, Any], strokes: Mapping[str, Any]) -> None:
    """Adds what is behind gaps, and each seed's curve where they are few, below the means.

    The first mean of the legend is on top, and thin ones are above thick ones.
    """
    import seaborn as sns

    if strokes:
        grids.stroke(ax.lines, data.loc[data["segment"] == 0, look["hue"]], look["hue_order"], strokes)
    for _, part in data[data["segment"] > 0].groupby("segment"):
        same = {name: value for name, value in look.items() if name not in OF_GRIDS}
        before = len(ax.lines)
        sns.lineplot(part, x="round", y=column, ax=ax, **{**same, "legend": False})
        if strokes:
            grids.stroke(ax.lines[before:], part[look["hue"]], look["hue_order"], strokes)
    for place, line in enumerate(ax.lines):
        line.set_zorder(3 - line.get_linewidth() / 10 - place / 1000)
    apart = list(dict.fromkeys(look[name] for name in ("hue", "style", "size") if look.get(name)))
    seeds = data.groupby(apart)["seed"].transform("nunique") if apart else data["seed"].nunique()
    few = data[(seeds > 1) & (seeds < FEW_SEEDS) & ~data["thread"].str.endswith(" -1")] if len(data) else data
    if len(few):
        same = {name: look[name] for name in ("hue", "hue_order", "palette") if name in look}
        thin: dict[str, Any] = {"estimator": None, "linewidth": 0.5, "alpha": 0.45, "zorder": 1.9, "legend": False}
        sns.lineplot(few, x="round", y=column, units="thread", ax=ax, **same, **thin)
    if data.empty:
        ax.text(0.5, 0.5, "no runs", transform=ax.transAxes, ha="center", va="center", color="0.5")
    if score := scaled_by(column):
        ax.set(ylim=(score.least, 1), yticks=score.ticks)
    ax.margins(x=0)


def _label(column: str, height: float) -> str:
    return textwrap.fill(LABELS.get(column, escape.figure(column)), style.characters(height))


def _fewer_seeds(frame: pd.DataFrame, apart: Sequence[str]) -> str:
    """Names the curves with fewer seeds than the others. Empty if there are none."""
    if not apart:
        return ""
    seeds = frame.groupby([values_of(frame, kind) for kind in apart])["seed"].nunique()
    fewer = seeds[seeds < seeds.max()]
    if len(fewer) > MANY_NOTES:
        return f"{len(fewer)} of {len(seeds)} curves have fewer than {seeds.max()} seeds: see the table"
    each = []
    for key, count in fewer.items():
        *others, last = (escape.figure(str(value)) for value in (key if isinstance(key, tuple) else (key,)))
        where = f" ({', '.join(others)})" if others else ""
        each.append(f"{last}{where}: {count}")
    return f"fewer than {seeds.max()} seeds: {', '.join(each)}" if each else ""
