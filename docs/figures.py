"""`make docs-figures`: the figures of these documents, from the small tables that are committed beside them."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import choices
import leaderboard
import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from byzdl.analysis import draw, style
from byzdl.analysis.statistics import over_seeds

HERE = Path(__file__).parent

DPI = 150

# What there is to see of a rule that decides by a threshold, beside how well it does.
INSIDE = {
    "accuracy_mean": "test accuracy",
    "theta_mean": "theta",
    "benign_accept_rate": "benign models\nlet in",
    "byzantine_accept_rate": "Byzantine models\nlet in",
    "fallback_rate": "chosen by the\nfall-back",
}


def runs_of(file: Path) -> pd.DataFrame:
    """The rows of many runs, with the labels of figures."""
    frame = pd.read_csv(file)
    names = frame[["attack", "br", "defense", "seed"]].astype(str).agg("-".join, axis=1)
    return frame.assign(run=names, setting="")


def inside(frame: pd.DataFrame, defense: str) -> Figure:
    """What happens within a defense as the rounds go by: a row a quantity, a column a Byzantine rate; each seed a line."""
    rates, line = sorted(frame["br"].unique()), style.lines(frame["defense"])[defense]
    own, alone = frame[frame["defense"] == defense], frame[frame["defense"] == "local"]
    with mpl.rc_context(style.RC):
        figure = Figure(figsize=(2.15 * len(rates) + 0.9, 1.15 * len(INSIDE) + 0.6), layout="constrained")
        grid = figure.subplots(len(INSIDE), len(rates), sharex=True, sharey="row", squeeze=False)
        for row, (column, name) in zip(grid, INSIDE.items(), strict=True):
            row[0].set_ylabel(name)
            if column.endswith("rate"):
                row[0].set_ylim(-0.04, 1.04)
            for axes, br in zip(row, rates, strict=True):
                for _, run in own[own["br"] == br].groupby("run"):
                    axes.plot(run["round"], run[column], color=line.color, linewidth=0.9)
                if column == "accuracy_mean" and (alone["br"] == br).any():
                    mean, dashed = over_seeds(alone[alone["br"] == br], column), style.REFERENCES["local"]
                    axes.plot(mean["round"], mean["mean"], color=dashed.color, linestyle=dashed.dash, linewidth=1.1)
        for axes, br in zip(grid[0], rates, strict=True):
            axes.set_title(f"$B_r$ = {br:g}")
        figure.supxlabel("round (mini-batch iterations)", fontsize=style.RC["axes.labelsize"])
        figure.suptitle(f"{defense}: each seed; local, where there are runs of it, dashed", fontsize=9)
    return figure


def reproduction() -> Iterator[tuple[Path, Figure]]:
    for file in sorted((HERE / "reproduction").glob("fig?_*.csv")):
        frame = runs_of(file)
        ((_, accuracy),) = draw(frame)
        yield file.with_suffix(".png"), accuracy
        yield file.with_name(f"{file.stem}_inside.png"), inside(frame, "loss_threshold")


def main() -> None:
    for file, figure in chain(reproduction(), choices.figures(), leaderboard.figures()):
        with mpl.rc_context(style.RC):
            figure.savefig(file, dpi=DPI)
        print(file)


if __name__ == "__main__":
    main()
