"""`python docs/choices.py [FOLDER]`: writes the runs of sweeps/choices.yaml as the small tables of docs/choices/."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from byzdl.analysis import final, final_accuracy, grids, load, paired, style

HERE = Path(__file__).parent / "choices"

# The keys that the sweep varies beside attack, defense and seed, with their values in the base setting.
GROUND: dict[str, Any] = {
    "defense.screen": "batch",
    "defense.monitor": "test",
    "defense.monitor_metric": "error",
    "partition.validation": 0.0,
    "defense.theta": 0.1,
    "defense.theta_min": -0.1,
    "defense.alpha": 0.5,
    "defense.patience": 5,
    "optimizer.momentum": 0.9,
    "optimizer.lr": 0.05,
    "partition.name": "dirichlet",
    "partition.alpha": 1.0,
    "topology.cr": 0.4,
    "topology.n": 10,
}
METHOD = "loss_threshold"

# The names that `variant` gives, in the order of the figures: variants of the method, then of everything else.
VARIANTS = [
    "screen=fresh",
    "monitor_metric=loss",
    "validation=0.2",
    "monitor=validation, validation=0.2",
    "theta fixed=0.1",
    "theta fixed=0",
    "theta fixed=-0.1",
    "alpha=0",
    "alpha=0.25",
    "alpha=0.75",
    "patience=1",
    "patience=2",
    "patience=10",
    "patience=20",
]
WORLDS = [
    "momentum=0",
    "momentum=0, lr=0.5",
    "partition=iid",
    "dirichlet alpha=0.1",
    "cr=0.2",
    "cr=0.8",
    "n=50",
]
ATTACKS = ["max", "alie z=baruch"]
RATES = {"0.1": "#0072B2", "0.3": "#E69F00", "0.5": "#D55E00"}


def variant(run: "pd.Series[Any]") -> str:
    """Names a run by its differences from the base setting: `patience=10`."""
    other = {key: run[key] for key, value in GROUND.items() if pd.notna(run[key]) and run[key] != value}
    if run["defense.name"] != METHOD:
        other = {key: value for key, value in other.items() if not key.startswith("defense.")}
    if run["defense.theta"] == run["defense.theta_min"]:
        other.pop("defense.theta", None)
        other.pop("defense.theta_min", None)
        other["fixed.theta"] = run["defense.theta"]
    names = {"partition.name": "partition", "partition.alpha": "dirichlet alpha", "fixed.theta": "theta fixed"}
    parts = [
        f"{names.get(key, key.partition('.')[2])}={value:g}"
        if isinstance(value, int | float)
        else f"{names.get(key, key.partition('.')[2])}={value}"
        for key, value in other.items()
    ]
    return ", ".join(parts) or "ground"


def collect(folder: Path) -> None:
    """Writes the tables: final accuracies, and the change by each variant of the method, in pairs of a seed."""
    frame = load(folder)
    runs = frame.drop_duplicates("run").set_index("run")
    about = pd.DataFrame({"setting": runs.apply(variant, axis=1), "defense": runs["defense.name"]})
    frame = frame.drop(columns=["setting", "defense"]).join(about, on="run")
    table = final_accuracy(frame, accuracy=0.7)
    later = frame[frame["round"] > 0].assign(threshold=lambda rows: 1 - rows["alone_rate"] - rows["fallback_rate"])
    shares = ["alone_rate", "threshold", "fallback_rate", "benign_accept_rate", "byzantine_accept_rate"]
    keys = ["setting", "attack", "br", "defense"]
    table = table.merge(later.groupby(keys)[shares].mean().reset_index(), on=keys)
    own = frame[frame["defense"] == METHOD]
    changes = paired(final(own.assign(defense=own["setting"], setting="")), against="ground")
    HERE.mkdir(exist_ok=True)
    for name, part in {"accuracy": table, "changes": changes.drop(columns=["setting", "round"])}.items():
        part.round(4).to_csv(HERE / f"{name}.csv", index=False, lineterminator="\n")


def figures() -> Iterator[tuple[Path, Figure]]:
    """Draws the figures of docs/choices.md, each behind its file."""
    changes, table = pd.read_csv(HERE / "changes.csv"), pd.read_csv(HERE / "accuracy.csv")
    yield HERE / "method.png", forest(changes[changes["defense"].isin(VARIANTS)])
    yield HERE / "worlds.png", worlds(table[table["setting"].isin(["ground", *WORLDS])])


def forest(changes: pd.DataFrame) -> Figure:
    """Draws the change by each variant, with a row per variant, a column per attack and a colour per rate."""
    attacks = sorted(changes["attack"].unique(), key=style.attack_order)
    three = changes.melt(["defense", "attack", "br"], ["low", "mean", "high"]).assign(
        br=lambda rows: rows["br"].map(str)
    )
    with mpl.rc_context(style.theme()), grids.laid_out_later():
        # Of these three numbers the median is the mean, and all of them lie in the interval.
        grid = sns.catplot(
            three, kind="point", x="value", y="defense", hue="br", col="attack", order=VARIANTS, col_order=attacks,
            palette=RATES, estimator="median", errorbar=("pi", 100), linestyle="none", dodge=0.44, markersize=2.5,
            err_kws={"linewidth": 1}, height=4.0, aspect=0.7, legend_out=False,
        )  # fmt: skip
        grid.refline(x=0, color="black", linestyle="-", linewidth=0.8)
        grid.set_titles("{col_name}")
        grid.set_axis_labels("", "")
        grid.figure.supxlabel("change of final accuracy, in pairs of a seed", fontsize=mpl.rcParams["axes.labelsize"])
        grids.legend_above(grid, "Byzantine rate")
    return grids.detached(grid)


def worlds(table: pd.DataFrame) -> Figure:
    """Draws gains over learning alone against B_r, with a row per attack, a column per world and a line per defense."""
    table = table[table["over_local"].notna() & table["attack"].isin(ATTACKS)]
    names, lines = ["ground", *WORLDS], style.lines(table["defense"])
    look = dict.fromkeys(("hue", "style", "size"), "defense") | style.look(lines)
    orders = {f"{name}_order": list(lines) for name in ("hue", "style", "size")}
    with mpl.rc_context(style.theme()), grids.laid_out_later():
        grid = sns.relplot(
            table, kind="line", x="br", y="over_local", row="attack", col="setting", row_order=ATTACKS, col_order=names,
            estimator=None, height=1.95, aspect=0.6, facet_kws={"margin_titles": True, "legend_out": False},
            **look, **orders,
        )  # fmt: skip
        ends = ("over_local_low", "over_local_high")
        grids.bands(grid, table, ["attack", "setting"], x="br", hue="defense", colors=look["palette"], ends=ends)
        grid.refline(y=0, color="black", linestyle="-", linewidth=0.8)
        grid.set_titles(row_template="{row_name}", col_template="{col_name}", size=8)
        for axes, world in zip(grid.axes[0], names, strict=True):
            axes.set_title(world.replace(", ", ",\n"), fontsize=8)
        grid.set(xticks=[float(br) for br in RATES])
        grid.set_axis_labels("", "")
        grid.figure.supxlabel("Byzantine rate $B_r$", fontsize=mpl.rcParams["axes.labelsize"])
        grid.figure.supylabel("final accuracy above learning alone", fontsize=mpl.rcParams["axes.labelsize"])
        grids.legend_above(grid)
    return grids.detached(grid)


if __name__ == "__main__":
    collect(Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/choices"))
