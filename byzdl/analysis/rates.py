"""Draws gains over learning alone against the Byzantine rate, with a panel per defense and a line per attack."""

import math
import textwrap
from collections.abc import Iterator

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzdl.analysis import style
from byzdl.analysis.figures import legend_columns

PANEL = (1.75, 1.35)  # inches
ACROSS = 5  # panels

MOST_COLUMNS = 7  # of the legend


def against_rate(gained: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    """Draws a figure for each setting, and yields it behind the setting's label. Bands are 95% bootstrap intervals.

    - `gained`: from `byzdl.analysis.ranking.gains`

    >>> curve = {"br": [0.1, 0.3], "mean": [0.2, 0.1], "low": [0.1, 0.0], "high": [0.3, 0.2]}
    >>> gained = pd.DataFrame({"setting": "", "attack": "max", "defense": "ubar", **curve})
    >>> [(setting, figure.axes[0].get_title()) for setting, figure in against_rate(gained)]
    [('', 'ubar')]
    """
    lines = style.attack_lines(gained["attack"])
    for setting, part in gained.groupby("setting"):
        with mpl.rc_context(style.RC):
            yield str(setting), _figure(str(setting), part, lines)


def _figure(setting: str, gained: pd.DataFrame, lines: dict[str, style.Line]) -> Figure:
    defenses = sorted(gained["defense"].unique(), key=style.defense_order)
    down = math.ceil(len(defenses) / ACROSS)
    figure = Figure(figsize=(PANEL[0] * ACROSS + 0.6, PANEL[1] * down + 1.2), layout="constrained")
    grid = list(figure.subplots(down, ACROSS, sharex=True, sharey=True, squeeze=False).flat)
    for axes, defense in zip(grid, defenses, strict=False):
        axes.axhline(0, color="black", linewidth=0.8)
        for attack, line in lines.items():
            curve = gained[(gained["defense"] == defense) & (gained["attack"] == attack)].sort_values("br")
            if curve.empty:
                continue
            axes.fill_between(curve["br"], curve["low"], curve["high"], color=line.color, alpha=0.18, linewidth=0)
            # A single point makes no line.
            look = {"marker": "o", "markersize": 3} if len(curve) == 1 else {"linestyle": line.dash}
            axes.plot(curve["br"], curve["mean"], color=line.color, linewidth=line.width, **look)
        axes.set_title(defense, fontsize=8)
    for axes in grid[len(defenses) :]:
        axes.set_visible(False)
    figure.supxlabel("Byzantine rate $B_r$", fontsize=style.RC["axes.labelsize"])
    figure.supylabel("test accuracy, above learning alone", fontsize=style.RC["axes.labelsize"])
    shown = {attack: line for attack, line in lines.items() if attack in set(gained["attack"])}
    handles = [Line2D([], [], color=line.color, linestyle=line.dash, label=attack) for attack, line in shown.items()]
    width = figure.get_figwidth()
    columns = min(MOST_COLUMNS, legend_columns(shown, width))
    title = textwrap.fill(setting, int(width * 14)) or None
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, title=title)
    return figure
