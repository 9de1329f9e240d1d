"""`python docs/choices.py [FOLDER]`: writes the runs of sweeps/choices.yaml as the small tables of docs/choices/."""

import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzdl.analysis import final, final_accuracy, load, paired, style

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
RATES = {0.1: "#0072B2", 0.3: "#E69F00", 0.5: "#D55E00"}


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
    with mpl.rc_context(style.RC):
        figure = Figure(figsize=(2.1 * len(attacks) + 2.2, 0.22 * len(VARIANTS) + 0.9), layout="constrained")
        grid = figure.subplots(1, len(attacks), sharex=True, sharey=True, squeeze=False)[0]
        for axes, attack in zip(grid, attacks, strict=True):
            _column(axes, changes[changes["attack"] == attack])
            axes.set_title(attack)
        grid[0].set_yticks(range(len(VARIANTS)), VARIANTS)
        grid[0].invert_yaxis()
        grid[0].locator_params(axis="x", nbins=4)
        figure.supxlabel("change of final accuracy, in pairs of a seed", fontsize=style.RC["axes.labelsize"])
        handles = [Line2D([], [], color=color, marker="o", markersize=3) for color in RATES.values()]
        figure.legend(handles, [f"$B_r$ = {br:g}" for br in RATES], loc="outside upper center", ncols=len(RATES))
    return figure


def _column(axes: Axes, changes: pd.DataFrame) -> None:
    axes.axvline(0, color="black", linewidth=0.8)
    for shift, (br, color) in zip(np.linspace(-0.22, 0.22, len(RATES)), RATES.items(), strict=True):
        part = changes[changes["br"] == br]
        at = part["defense"].map(VARIANTS.index) + shift
        axes.hlines(at, part["low"], part["high"], color=color, linewidth=1)
        axes.plot(part["mean"], at, "o", color=color, markersize=2.5)


def worlds(table: pd.DataFrame) -> Figure:
    """Draws gains over learning alone against B_r, with a row per attack, a column per world and a line per defense."""
    table = table[table["over_local"].notna() & table["attack"].isin(ATTACKS)]
    names, lines = ["ground", *WORLDS], style.lines(table["defense"])
    with mpl.rc_context(style.RC):
        figure = Figure(figsize=(1.15 * len(names) + 0.6, 1.5 * len(ATTACKS) + 0.9), layout="constrained")
        grid = figure.subplots(len(ATTACKS), len(names), sharex=True, sharey=True, squeeze=False)
        for (row, attack), (column, world) in product(enumerate(ATTACKS), enumerate(names)):
            axes = grid[row, column]
            axes.axhline(0, color="black", linewidth=0.8)
            here = table[(table["attack"] == attack) & (table["setting"] == world)]
            for defense, curve in here.groupby("defense"):
                line = lines[str(defense)]
                low, high = curve["over_local_low"], curve["over_local_high"]
                axes.fill_between(curve["br"], low, high, color=line.color, alpha=0.18, linewidth=0)
                axes.plot(curve["br"], curve["over_local"], color=line.color, linestyle=line.dash, linewidth=line.width)
        for column, world in enumerate(names):
            grid[0, column].set_title(world.replace(", ", ",\n"), fontsize=8)
        for row, attack in enumerate(ATTACKS):
            grid[row, -1].yaxis.set_label_position("right")
            grid[row, -1].set_ylabel(attack, rotation=270, va="bottom")
        grid[0, 0].set_xticks(list(RATES))
        figure.supxlabel("Byzantine rate $B_r$", fontsize=style.RC["axes.labelsize"])
        figure.supylabel("final accuracy above learning alone", fontsize=style.RC["axes.labelsize"])
        handles = [Line2D([], [], color=line.color, linestyle=line.dash, label=name) for name, line in lines.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


if __name__ == "__main__":
    collect(Path(sys.argv[1] if len(sys.argv) > 1 else "outputs/choices"))
