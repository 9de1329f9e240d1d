"""`python docs/choices.py [FOLDER]`: the runs of sweeps/choices.yaml as the small tables of docs/choices/."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from byzdl.analysis import final, final_accuracy, load, paired, style

HERE = Path(__file__).parent / "choices"

# What the sweep varies beside attack, defense and seed, and what it is on the ground.
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
RATES = {0.1: "#0072B2", 0.3: "#E69F00", 0.5: "#D55E00"}


def variant(run: "pd.Series[Any]") -> str:
    """What a run does otherwise than the ground: `patience=10`."""
    other = {key: run[key] for key, value in GROUND.items() if pd.notna(run[key]) and run[key] != value}
    if run["defense.name"] != METHOD:
        other = {key: value for key, value in other.items() if not key.startswith("defense.")}
    if run["defense.theta"] == run["defense.theta_min"]:
        other.pop("defense.theta", None)
        other.pop("defense.theta_min", None)
        other["fixed.theta"] = run["defense.theta"]
    names = {"partition.name": "partition", "partition.alpha": "dirichlet alpha", "fixed.theta": "theta fixed"}
    told = [
        f"{names.get(key, key.partition('.')[2])}={value:g}"
        if isinstance(value, int | float)
        else f"{names.get(key, key.partition('.')[2])}={value}"
        for key, value in other.items()
    ]
    return ", ".join(told) or "ground"


def collect(folder: Path) -> None:
    """Write the tables: final accuracies, and what each variant of the method changes, in pairs of a seed."""
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
    changes, table = pd.read_csv(HERE / "changes.csv"), pd.read_csv(HERE / "accuracy.csv")
    method = changes[~changes["defense"].str.contains("partition|momentum|dirichlet|cr=|n=")]
    yield HERE / "method.png", _forest(method.rename(columns={"defense": "row"}), "change of final accuracy")
    worlds = table[table["over_local"].notna() & table["attack"].isin(["max", "alie"])]
    worlds = worlds.assign(row=worlds["setting"] + ": " + worlds["defense"])
    columns = {"over_local": "mean", "over_local_low": "low", "over_local_high": "high"}
    worlds = worlds.drop(columns=["mean", "low", "high"]).rename(columns=columns)
    yield HERE / "worlds.png", _forest(worlds, "final accuracy above learning alone")


def _forest(table: pd.DataFrame, what: str) -> Figure:
    """A row a case, a column an attack, a colour a Byzantine rate: differences and their 95% intervals."""
    rows, attacks = list(dict.fromkeys(table["row"])), sorted(table["attack"].unique(), key=style.attack_order)
    with mpl.rc_context(style.RC):
        figure = Figure(figsize=(2.1 * len(attacks) + 2.2, 0.2 * len(rows) + 0.9), layout="constrained")
        grid = figure.subplots(1, len(attacks), sharex=True, sharey=True, squeeze=False)[0]
        for axes, attack in zip(grid, attacks, strict=True):
            _column(axes, table[table["attack"] == attack], rows)
            axes.set_title(attack)
        grid[0].set_yticks(range(len(rows)), rows)
        grid[0].invert_yaxis()
        figure.supxlabel(what, fontsize=style.RC["axes.labelsize"])
        handles = [mpl.lines.Line2D([], [], color=color, marker="o", markersize=3) for color in RATES.values()]
        figure.legend(handles, [f"$B_r$ = {br:g}" for br in RATES], loc="outside upper center", ncols=len(RATES))
    return figure


def _column(axes: Axes, table: pd.DataFrame, rows: list[str]) -> None:
    axes.axvline(0, color="black", linewidth=0.8)
    for shift, (br, color) in zip(np.linspace(-0.22, 0.22, len(RATES)), RATES.items(), strict=True):
        part = table[table["br"] == br]
        at = part["row"].map(rows.index) + shift
        axes.hlines(at, part["low"], part["high"], color=color, linewidth=1)
        axes.plot(part["mean"], at, "o", color=color, markersize=2.5)


if __name__ == "__main__":
    collect(Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/choices"))
