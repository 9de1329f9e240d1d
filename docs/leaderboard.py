"""`python docs/leaderboard.py`: what `byzdl.analysis.leaderboard` wrote of outputs/leaderboard, as the tables of docs/leaderboard/."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from byzdl.analysis.heatmap import heatmap

HERE = Path(__file__).parent / "leaderboard"

# The two, by what tells their configurations apart.
WORLDS = {"topology=erdos_renyi, partition=iid": "random", "topology=small_world, partition=dirichlet": "skewed"}

COLUMNS = ["setting", "attack", "br", "defense", "seeds", "mean", "low", "high", "worst", "worst_low", "worst_high"]


def collect(figures: Path = Path("outputs/leaderboard/figures")) -> None:
    """Write the tables, in four digits."""
    tables = {
        "leaderboard": pd.read_csv(figures / "leaderboard.csv")[COLUMNS],
        "exposure": pd.read_csv(figures / "exposure.csv"),
    }
    for name, table in tables.items():
        table.round(4).to_csv(HERE / f"{name}.csv", index=False, lineterminator="\n")


def figures() -> Iterator[tuple[Path, Figure]]:
    table = pd.read_csv(HERE / "leaderboard.csv")
    for setting, figure in heatmap(table):
        yield HERE / f"{WORLDS[setting]}.png", figure


if __name__ == "__main__":
    collect()
