"""`python docs/accuracy.py [FOLDER]`: copies the runs of `make figures` to docs/accuracy.csv, for the README's picture."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from byzdl.analysis import draw, load

TABLE = Path(__file__).with_suffix(".csv")
COLUMNS = ["attack", "br", "byzantine_nodes", "topology.n", "defense", "seed", "round", "accuracy_mean"]


def collect(folder: Path = Path("outputs/default")) -> None:
    """Writes the table, with four digits."""
    frame = load(folder)[COLUMNS].sort_values(COLUMNS[:-1])
    frame.round(4).to_csv(TABLE, index=False, lineterminator="\n")


def figures() -> Iterator[tuple[Path, Figure]]:
    """Draws the README's picture, behind its file."""
    ((_, figure),) = draw(pd.read_csv(TABLE).assign(setting=""))
    yield TABLE.with_suffix(".png"), figure


if __name__ == "__main__":
    collect(*map(Path, sys.argv[1:2]))
