"""Draws curves over the rounds, with a row per attack, a column per Byzantine rate and a colour per defense."""

import math
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzdl.analysis import style
from byzdl.analysis.statistics import over_seeds

# With fewer seeds than this a band alone would hide how few they are.
FEW_SEEDS = 5

# More notes than this would crowd the figure.
MANY_NOTES = 8

LABELS = {
    "accuracy_mean": "test accuracy, mean over benign nodes",
    "accuracy_worst": "test accuracy, worst benign node",
}

# Each with the metadata to leave out: with a date, the same figure would give other bytes.
FORMATS: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}

PANEL = (2.15, 1.65)  # inches


def draw(frame: pd.DataFrame, column: str = "accuracy_mean") -> Iterator[tuple[str, Figure]]:
    """Draws a figure of a column of rounds.csv for each setting, and yields it behind the setting's label.

    Curves are means over seeds, and bands are their 95% bootstrap intervals, both from `over_seeds`. With fewer than 5
    seeds, each seed has a thin curve, too. A note below the figure names the curves with fewer seeds than others.

    - `frame`: from `load`
    - `column`: a column of rounds.csv

    >>> case = {"run": "a", "setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "seed": 0}
    >>> frame = pd.DataFrame({**case, "round": [0, 10], "accuracy_mean": [0.1, 0.9]})
    >>> [(setting, figure.axes[0].get_title()) for setting, figure in draw(frame)]
    [('', '$B_r$ = 0.3')]
    """
    # Lines for all settings at once, so that colours agree between figures.
    lines = style.lines(frame["defense"])
    for setting, part in frame.groupby("setting"):
        with mpl.rc_context(style.RC):
            figure = _figure(part, column, lines)
        yield str(setting), figure


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
    with mpl.rc_context(style.RC):
        for ending, metadata in FORMATS.items():
            files.append(stem.with_name(f"{stem.name}.{ending}"))
            figure.savefig(files[-1], metadata=metadata)
    return files


def _figure(frame: pd.DataFrame, column: str, lines: dict[str, style.Line]) -> Figure:
    """Draws the figure of one setting."""
    attacks = sorted(frame["attack"].unique(), key=style.attack_order)
    rates = sorted(frame["br"].unique())
    defenses = [defense for defense in lines if defense in set(frame["defense"])]
    curves = over_seeds(frame, column)

    width, height = PANEL[0] * len(rates) + 0.6, PANEL[1] * len(attacks) + 0.9
    figure = Figure(figsize=(max(width, 3.4), height), layout="constrained")
    grid = figure.subplots(len(attacks), len(rates), sharex=True, sharey=True, squeeze=False)
    for row, attack in zip(grid, attacks, strict=True):
        for axes, br in zip(row, rates, strict=True):
            here = (frame["attack"] == attack) & (frame["br"] == br)
            if here.any():
                _panel(axes, frame[here], curves[(curves["attack"] == attack) & (curves["br"] == br)], column, lines)
            else:
                axes.text(0.5, 0.5, "no runs", transform=axes.transAxes, ha="center", va="center", color="0.5")
        # On the right, where the shared y-axis leaves room.
        row[-1].yaxis.set_label_position("right")
        row[-1].set_ylabel(attack, rotation=270, va="bottom")
    for axes, br in zip(grid[0], rates, strict=True):
        axes.set_title(f"$B_r$ = {br:g}")

    if column.startswith("accuracy"):
        grid[0, 0].set(ylim=(0, 1), yticks=[0, 0.2, 0.4, 0.6, 0.8, 1])
    grid[0, 0].set_xlim(0, frame["round"].max())
    size, note = style.RC["axes.labelsize"], _fewer_seeds(curves)
    below = ["round (mini-batch iterations)", *textwrap.wrap(note, int(figure.get_figwidth() * 14))]
    figure.supxlabel("\n".join(below), fontsize=size)
    name = LABELS.get(column, column)
    # The label is longer than one panel is high.
    figure.supylabel(name if len(attacks) > 1 else name.replace(", ", ",\n"), fontsize=size)
    _legend(figure, {defense: lines[defense] for defense in defenses}, title=str(frame["setting"].iloc[0]))
    return figure


def _panel(axes: Axes, frame: pd.DataFrame, curves: pd.DataFrame, column: str, lines: dict[str, style.Line]) -> None:
    """Draws one attack at one rate. Only mean curves have a label, the defense."""
    # The first defense of the legend is drawn last, on top of the others, and thin lines on top of thick ones.
    drawn = list(reversed(lines.items()))
    drawn.sort(key=lambda item: -item[1].width)
    for defense, line in drawn:
        curve = curves[curves["defense"] == defense]
        if curve.empty:
            continue
        axes.fill_between(curve["round"], curve["low"], curve["high"], color=line.color, alpha=0.18, linewidth=0)
        if 1 < curve["seeds"].iloc[0] < FEW_SEEDS:
            for _, run in frame[frame["defense"] == defense].groupby("run"):
                axes.plot(run["round"], run[column], color=line.color, linewidth=0.5, alpha=0.45)
        axes.plot(
            curve["round"], curve["mean"], color=line.color, linestyle=line.dash, linewidth=line.width, label=defense
        )


def _legend(figure: Figure, lines: dict[str, style.Line], title: str) -> None:
    """Draws one legend for all panels, above them: below, it would cover the label of the x-axis."""
    handles = [
        Line2D([], [], color=line.color, linestyle=line.dash, linewidth=line.width, label=defense)
        for defense, line in lines.items()
    ]
    width = figure.get_figwidth()
    rows = math.ceil(len(lines) / legend_columns(lines, width))
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=math.ceil(len(lines) / rows),
        handlelength=2.2,
        columnspacing=1.2,
        title=textwrap.fill(title, int(width * 14)) or None,
    )


def legend_columns(labels: Collection[str], width: float) -> int:
    """Returns the largest number of columns with which a legend fits, at least 1.

    - `width`: in inches

    >>> legend_columns(["ubar", "median", "local"], width=2.0)
    2
    """
    each = [0.55 + 0.068 * len(label) for label in labels]  # inches, roughly
    fitting = (n for n in range(len(each), 1, -1) if sum(map(max, np.array_split(each, n))) <= width)
    return next(fitting, 1)


def _fewer_seeds(curves: pd.DataFrame) -> str:
    """Names the curves with fewer seeds than the others. Empty if there are none."""
    groups = curves.drop_duplicates(["attack", "br", "defense"])
    most = groups["seeds"].max()
    fewer = groups[groups["seeds"] < most]
    if len(fewer) > MANY_NOTES:
        return f"{len(fewer)} of {len(groups)} curves have fewer than {most} seeds: see the table"
    each = [f"{row.defense} ({row.attack}, {row.br:g}): {row.seeds}" for row in fewer.itertuples()]
    return f"fewer than {most} seeds: {', '.join(each)}" if each else ""
