"""`python docs/reproduction.py [FOLDER ...]`: copies runs of the paper's figures to docs/reproduction/.

Prints the numbers of docs/reproduction.md, from all tables there.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from byzdl.analysis import draw, final, final_accuracy, grids, load, paired, rounds_to, style, to_markdown
from byzdl.analysis.levels import levels
from byzdl.config.columns import ROUND_COLUMNS
from byzdl.pipe import reader

HERE = Path(__file__).parent / "reproduction"

# The columns that identify a curve and a run, and the columns to keep.
CASE = ["attack", "br", "defense"]
RUN = ["defense", "attack", "br", "seed"]
KEPT = [column for column in ROUND_COLUMNS if column != "attack_success_rate"]

# All runs of a figure must agree in these, from every machine: the paper's setting, and the CNN's widths.
PAPER = {
    "dataset.name": "image_folder",
    "dataset.test_samples": 2000,
    "partition.name": "iid",
    "topology.n": 10,
    "topology.cr": 0.4,
    "rounds": 800,
    "batch_size": 256,
    "optimizer.lr": 0.01,
    "optimizer.momentum": 0.9,
}
WIDTHS = {"fig1_max": "[32, 64]", "fig2_alie": "[8, 16]"}

# The quantities that show a threshold rule from the inside, after the accuracy.
INSIDE = {
    "accuracy_mean": "test accuracy",
    "theta_mean": "theta",
    "benign_accept_rate": "benign models\naccepted",
    "byzantine_accept_rate": "Byzantine models\naccepted",
    "fallback_rate": "chosen by the\nfall-back",
}


def collect(folder: Path) -> Path:
    """Copies the rows of all finished runs of a folder to the table of the same name.

    Other runs in the table stay: they may come from another machine.

    **Raises:** `ValueError` for a run in another setting than the figure's.
    """
    file = HERE / f"{folder.name}.csv"
    frame = load(folder)
    for key, value in {**PAPER, "model.channels": WIDTHS[folder.name]}.items():
        if other := set(frame[key]) - {value}:
            raise ValueError(f"{key} is {other} in {folder}, but must be {value}")
    if (others := frame["setting"].unique()).size > 1:
        raise ValueError(f"{folder}: runs in several settings: {', '.join(others)}")
    frame = frame[[*RUN, *KEPT]]
    if file.exists():
        before = pd.read_csv(file)
        known = pd.MultiIndex.from_frame(frame[RUN].drop_duplicates())
        frame = pd.concat([before[~pd.MultiIndex.from_frame(before[RUN]).isin(known)], frame])
    frame.sort_values(["attack", "br", "defense", "seed", "round"]).to_csv(
        file, index=False, float_format="%.5g", lineterminator="\n"
    )
    return file


def runs_of(file: Path) -> pd.DataFrame:
    """Reads a table, and adds the labels that figures need."""
    frame = pd.read_csv(file)
    return frame.assign(run=frame[RUN].astype(str).agg("-".join, axis=1), setting="")


def figures() -> Iterator[tuple[Path, Figure]]:
    """Draws the figures of docs/reproduction.md, each behind its file."""
    for file in sorted(HERE.glob("*.csv")):
        frame = runs_of(file)
        ((_, accuracy),) = draw(frame)
        yield file.with_suffix(".png"), accuracy
        yield file.with_name(f"{file.stem}_inside.png"), inside(frame, "loss_threshold")


def inside(frame: pd.DataFrame, defense: str) -> Figure:
    """Draws a defense from the inside over the rounds: a row per quantity, a column per rate, a line per seed."""
    line, dashed = style.lines(frame["defense"])[defense], style.REFERENCES["local"]
    rates = levels(frame, "br")
    frame = frame.assign(br=frame["br"].map(rates))
    own, alone = frame[frame["defense"] == defense], frame[frame["defense"] == "local"]
    each = own.melt(["br", "run", "round"], list(INSIDE), "quantity").replace({"quantity": INSIDE})
    with mpl.rc_context(style.theme()), grids.laid_out_later():
        grid = sns.relplot(
            each, kind="line", x="round", y="value", row="quantity", col="br", col_order=list(rates.values()),
            units="run", estimator=None, color=line.color, linewidth=0.9, height=1.25, aspect=1.9,
            facet_kws={"sharey": "row", "margin_titles": True},
        )  # fmt: skip
        for br in rates.values():
            axes = grid.axes_dict[INSIDE["accuracy_mean"], br]
            mean = alone[alone["br"] == br]
            look = {"color": dashed.color, "linestyle": dashed.dash, "linewidth": dashed.width}
            sns.lineplot(mean, x="round", y="accuracy_mean", errorbar=None, ax=axes, **look)
        grid.set_titles(row_template="", col_template="{col_name}")
        grid.set_axis_labels("round (mini-batch)")
        for row, (column, name) in zip(grid.axes, INSIDE.items(), strict=True):
            row[0].set_ylabel(name)
            if column.endswith("rate"):
                row[0].set_ylim(-0.04, 1.04)
        grids.legend_above(grid, f"{defense}: each seed; local, where there are runs of it, dashed")
    return grids.detached(grid)


def claims(frame: pd.DataFrame) -> pd.DataFrame:
    """Computes the numbers behind the claims: rounds to an accuracy of 0.5, the gain over `local`, the first detection.

    **Columns**, by attack, rate and defense:

    - `median`: of the rounds; `reached`: the number of `seeds` that get there
    - `gain`, `low`, `high`: with its interval; `better`: the number of `pairs` with a gain
    - `falls`: for each seed, the first round with a mean theta below its start
    """
    rounds = rounds_to(frame, 0.5)[[*CASE, "median", "reached", "seeds"]]
    gains = paired(final(frame))[[*CASE, "mean", "low", "high", "better", "pairs"]].rename(columns={"mean": "gain"})
    fallen = frame[frame["theta_mean"] < frame.groupby("run")["theta_mean"].transform("first")]
    first = fallen.groupby([*CASE, "seed"])["round"].min().astype(str).groupby(CASE).agg(", ".join)
    return rounds.merge(gains, how="left").merge(first.rename("falls").reset_index(), how="left").round(3)


if __name__ == "__main__":
    with reader():
        for folder in sys.argv[1:]:
            collect(Path(folder))
        for file in sorted(HERE.glob("*.csv")):
            runs = runs_of(file)
            judged = claims(runs)
            cells = judged.astype(object).where(judged.notna(), "")
            print(file.name, to_markdown(final_accuracy(runs)), cells.to_markdown(index=False), sep="\n\n")
