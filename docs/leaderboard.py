"""`python docs/leaderboard.py`: copies the tables that `byzdl leaderboard` wrote to docs/leaderboard/."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from byzdl.analysis.heatmaps import TITLES, heatmaps
from byzdl.analysis.rates import against_rate

HERE = Path(__file__).parent / "leaderboard"

# The two worlds, by their labels in the tables.
WORLDS = {"topology=erdos_renyi, partition=iid": "random", "topology=small_world, partition=dirichlet": "skewed"}

COLUMNS = ["setting", "attack", "br", "defense", "seeds", "mean", "low", "high", "worst", "worst_low", "worst_high"]


def collect(outputs: Path = Path("outputs")) -> None:
    """Writes the tables, with four digits."""
    figures = outputs / "leaderboard" / "figures"
    tables = {
        "leaderboard": pd.read_csv(figures / "leaderboard.csv")[COLUMNS],
        "exposure": pd.read_csv(figures / "exposure.csv"),
        "success": pd.read_csv(figures / "success.csv").drop(columns="round"),
        "variants": variants(outputs / "variants" / "figures"),
        "gains": pd.read_csv(outputs / "breakdown" / "figures" / "gains.csv", keep_default_na=False),
    }
    for name, table in tables.items():
        table.round(4).to_csv(HERE / f"{name}.csv", index=False, lineterminator="\n")


def variants(figures: Path) -> pd.DataFrame:
    """Returns final accuracies, and success rates of backdoors. The rate is missing for other attacks."""
    keys = ["attack", "br", "defense"]
    success = pd.read_csv(figures / "success.csv").rename(columns={"mean": "success"})[[*keys, "success"]]
    return pd.read_csv(figures / "leaderboard.csv")[COLUMNS[1:]].merge(success, how="left", on=keys)


def figures() -> Iterator[tuple[Path, Figure]]:
    """Draws the figures of docs/leaderboard.md, each behind its file."""
    table = pd.read_csv(HERE / "leaderboard.csv")
    for column in TITLES:
        for setting, figure in heatmaps(table, column):
            yield HERE / f"{WORLDS[setting]}_{column}.png", figure
    for _, figure in against_rate(pd.read_csv(HERE / "gains.csv", keep_default_na=False)):
        yield HERE / "gains.png", figure


if __name__ == "__main__":
    collect()
