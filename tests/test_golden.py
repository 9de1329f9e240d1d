"""Numbers are a contract: whole tiny runs, pinned.

A change that alters them on purpose makes them anew with `python tests/test_golden.py`, in the same
commit, with the reason in its message and `RESULTS_VERSION` raised.
"""

import csv
import sys
import tempfile
from pathlib import Path

import pytest

from byzdl.config.compose import compose
from byzdl.runs.execute import execute

GOLDEN = Path(__file__).parent / "golden"

COMMON = [
    "dataset=synthetic",
    "dataset.classes=4",
    "dataset.train_count=240",
    "dataset.test_count=40",
    "dataset.noise=96",
    "topology.n=6",
    "topology.cr=0.7",
    "batch_size=10",
    "rounds=24",
    "eval_every=6",
    "attack.br=0.34",
    "seed=1",
]

RUNS = {
    "max-loss_threshold": ["attack=max", "defense=loss_threshold", "defense.patience=1", "model=mlp"],
    "alie-ubar": ["attack=alie", "attack.z=1.5", "defense=ubar", "model=linear", "topology=complete"],
    "ipm-d_krum": ["attack=ipm", "attack.epsilon=1.1", "defense=d_krum", "model=mlp", "topology=small_world"],
    "label_flip-d_zeno": ["attack=label_flip", "defense=d_zeno", "model=cnn", "model.channels=[2,3]", "model.hidden=8"],
    "none-mean": ["attack=none", "defense=mean", "model=linear", "partition=dirichlet"],
}


def compute(name: str, folder: Path) -> None:
    overrides = [
        o for o in [*RUNS[name], *COMMON] if "topology.cr" not in o or not any("topology=" in r for r in RUNS[name])
    ]
    execute(compose(*overrides, f"dataset.cache={folder / 'cache'}"), folder)


def table(file: Path) -> list[dict[str, float]]:
    with open(file, newline="", encoding="utf-8") as opened:
        return [
            {key: float(value) for key, value in row.items() if value and key != "seconds"}
            for row in csv.DictReader(opened)
        ]


@pytest.mark.parametrize("name", RUNS)
def test_results_are_what_they_were(name: str, tmp_path: Path) -> None:
    compute(name, tmp_path)
    for kind in ("rounds", "nodes"):
        expected = table(GOLDEN / f"{name}-{kind}.csv")
        got = table(tmp_path / f"{kind}.csv")
        assert len(got) == len(expected)
        for mine, theirs in zip(got, expected, strict=True):
            # Not to the bit: another processor sums in another order.
            assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-6)


if __name__ == "__main__":
    for name in sys.argv[1:] or RUNS:
        with tempfile.TemporaryDirectory() as folder:
            compute(name, Path(folder))
            for kind in ("rounds", "nodes"):
                lines = (Path(folder) / f"{kind}.csv").read_text().splitlines()
                # Seconds are nobody's contract.
                kept = [
                    line.rpartition(",")[0] + "," if kind == "rounds" and i else line for i, line in enumerate(lines)
                ]
                (GOLDEN / f"{name}-{kind}.csv").write_text("\n".join(kept) + "\n")
