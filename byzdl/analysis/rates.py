"""Draws gains over learning alone against the Byzantine rate, with a panel per defense and a line per attack."""

import textwrap
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from byzdl.analysis import grids, style
from byzdl.analysis.levels import levels
from byzdl.analysis.rounds import LEAST
from byzdl.analysis.scores import ACCURACY, Score
from byzdl.analysis.shares import rates

WIDTH, HEIGHT = 1.85, 1.4  # inches: of a panel
ACROSS = 5  # panels


def against_rate(gained: pd.DataFrame, score: Score = ACCURACY) -> Iterator[tuple[str, Figure]]:
    """Draws a figure for each setting, and yields it behind the setting's label. Bands are 95% bootstrap intervals.

    - `gained`: from `byzdl.analysis.ranking.gains`
    - `score`: of the runs

    >>> curve = {"br": [0.1, 0.3], "mean": [0.2, 0.1], "low": [0.1, 0.0], "high": [0.3, 0.2]}
    >>> gained = pd.DataFrame({"setting": "", "attack": "max", "defense": "ubar", **curve})
    >>> [(setting, figure.axes[0].get_title()) for setting, figure in against_rate(gained)]
    [('', 'ubar')]
    """
    lines = style.attack_lines(gained["attack"])
    for setting, part in gained.groupby("setting"):
        with mpl.rc_context(style.theme()), grids.laid_out_later():
            grid = _drawn(part, lines)
            grid.set_axis_labels("", "")
            below = textwrap.fill(_axis(part), style.characters(grid.figure.get_figwidth()))
            grid.figure.supxlabel(below, fontsize=mpl.rcParams["axes.labelsize"])
            beside = f"test {score.label}, above learning alone"
            if score.cut:  # A gain may be large as well: learning alone may be lost, too.
                grid.set(ylim=(score.least, 1))
                beside += f"{score.cut} and 1".replace(", ", ",\n")
            grid.figure.supylabel(beside, fontsize=mpl.rcParams["axes.labelsize"])
            grids.legend_above(grid, str(setting))
        yield str(setting), grids.detached(grid)


def _drawn(gained: pd.DataFrame, lines: dict[str, style.Line]) -> Any:
    import seaborn as sns

    defenses, attacks = levels(gained, "defense", style.characters(WIDTH)), levels(gained, "attack")
    data = gained.assign(defense=gained["defense"].map(defenses), attack=gained["attack"].map(attacks))
    look = style.look({attacks[attack]: line for attack, line in lines.items() if attack in attacks})
    order = list(attacks.values())
    across = min(ACROSS, len(defenses))
    down = -(-len(defenses) // across)
    height, width = HEIGHT + 1.2 / down, max(WIDTH, LEAST / across)
    size = {"height": height, "aspect": width / height}
    grid = sns.relplot(
        data, kind="line", x="br", y="mean", estimator=None, marker="o", markersize=2.5, markeredgewidth=0,
        col="defense", col_order=list(defenses.values()), col_wrap=across, facet_kws={"legend_out": False},
        hue="attack", hue_order=order, palette=look["palette"], **size,
    )  # fmt: skip
    for defense, part in data[np.isfinite(data["mean"])].groupby("defense"):
        grids.stroke(grid.axes_dict[defense].lines, part["attack"], order, look)
    grids.stroke(grid.legend.legend_handles, [], order, look)
    grids.bands(grid, data, "defense", x="br", hue="attack", colors=look["palette"])
    grid.refline(y=0, color="black", linestyle="-", linewidth=0.8)
    grid.set_titles("{col_name}")
    return grid


def _axis(gained: pd.DataFrame) -> str:
    """Names the axis, with the rates that are another share of the nodes."""
    odd = ", ".join(text for text in rates(gained).values() if "(" in text)
    return f"Byzantine rate $B_r${f': {odd}' if odd else ''}"
