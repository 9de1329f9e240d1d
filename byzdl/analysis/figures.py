"""Curves over the rounds: one row an attack, one column a Byzantine rate, one colour a defense."""

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

# More than so many would crowd the figure out.
MANY_NOTES = 8

LABELS = {
    "accuracy_mean": "test accuracy, mean over benign nodes",
    "accuracy_worst": "test accuracy, worst benign node",
}

# With the metadata to leave out: a date would make every file a new one.
FORMATS: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}

PANEL = (2.15, 1.65)  # inches


def draw(frame: pd.DataFrame, column: str = "accuracy_mean") -> Iterator[tuple[str, Figure]]:
    """A figure of a column of rounds.csv for each setting in the frame, with the setting's name.

    - `frame`: as `load` gives it

    Curves are means over seeds, bands their 95% bootstrap intervals (`over_seeds` gives these data); where a
    group has fewer than 5 seeds, each seed's own curve is shown too. Under the figure stands which groups
    have fewer seeds than others.
    """
    lines = style.lines(frame["defense"])  # of all settings, so that colours agree between their figures
    for setting, part in frame.groupby("setting"):
        with mpl.rc_context(style.RC):
            figure = _figure(part, column, lines)
        yield str(setting), figure


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write a figure as PNG, SVG and PDF; the same figure gives the same bytes. Returns the files."""
    files = []
    with mpl.rc_context(style.RC):
        for ending, metadata in FORMATS.items():
            files.append(stem.with_name(f"{stem.name}.{ending}"))
            figure.savefig(files[-1], metadata=metadata)
    return files


def _figure(frame: pd.DataFrame, column: str, lines: dict[str, style.Line]) -> Figure:
    """The figure of one setting."""
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
    # One panel is not as high as the label is long.
    figure.supylabel(name if len(attacks) > 1 else name.replace(", ", ",\n"), fontsize=size)
    _legend(figure, {defense: lines[defense] for defense in defenses}, title=str(frame["setting"].iloc[0]))
    return figure


def _panel(axes: Axes, frame: pd.DataFrame, curves: pd.DataFrame, column: str, lines: dict[str, style.Line]) -> None:
    """One attack at one rate. Each mean is a line with its defense as label; nothing else in the axes has one."""
    # The first of the legend comes on top of the others, and thin lines on top of thick ones.
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
    """One legend for all panels, above them: below it would cover the x-axis' label."""
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
    """The most columns of which a legend of these labels is no wider than that, in inches; 1 where none is."""
    each = [0.55 + 0.068 * len(label) for label in labels]  # inches, about
    fitting = (n for n in range(len(each), 1, -1) if sum(map(max, np.array_split(each, n))) <= width)
    return next(fitting, 1)


def _fewer_seeds(curves: pd.DataFrame) -> str:
    """A sentence on the groups that have fewer seeds than the others; empty where there is none."""
    groups = curves.drop_duplicates(["attack", "br", "defense"])
    most = groups["seeds"].max()
    fewer = groups[groups["seeds"] < most]
    if len(fewer) > MANY_NOTES:
        return f"{len(fewer)} of {len(groups)} curves are of fewer than {most} seeds: see the table"
    each = [f"{row.defense} ({row.attack}, {row.br:g}): {row.seeds}" for row in fewer.itertuples()]
    return f"fewer than {most} seeds: {', '.join(each)}" if each else ""
