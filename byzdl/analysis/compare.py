"""`byzdl compare A B`: compares two folders of runs, before and after a change, run by run."""

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tabulate import tabulate

from byzdl.analysis import style
from byzdl.analysis.files import cells, table
from byzdl.analysis.labels import labels
from byzdl.analysis.load import AnalysisError, Run, find, finished
from byzdl.analysis.matching import Match, Pair, match
from byzdl.analysis.output import named_apart, save_text
from byzdl.analysis.scores import ACCURACY, SCORES, Score, written
from byzdl.analysis.shares import BYZANTINE, NODES, rates
from byzdl.analysis.statistics import KEYS, bootstrap_interval
from byzdl.pipe import reader

# More names than this would push the table off the screen.
MANY = 10

COLUMNS = [
    *(*KEYS, NODES, BYZANTINE, "pairs", "identical"),
    *("a_mean", "b_mean", "difference", "low", "high"),
    *("a_worst", "b_worst", "worst_difference", "worst_low", "worst_high"),
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the comparison, and with `--csv` writes its table.

    **Raises:** `SystemExit` with one line if there is nothing to compare.
    """
    parser = argparse.ArgumentParser(
        prog="byzdl compare", description="Compares two folders of runs, before and after a change, run by run."
    )
    parser.add_argument("a", type=Path, metavar="A", help="a folder of runs, before")
    parser.add_argument("b", type=Path, metavar="B", help="a folder of runs, after")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the full table to FILE")
    options = parser.parse_args(arguments)
    try:
        matched = match(_done(options.a), _done(options.b))
        pairs = {score: [pair for pair in matched.pairs if pair.a.score == score.name] for score in SCORES}
        compared = {score: differences(own) for score, own in pairs.items() if own}
        print(to_text(matched, compared), end="")
        if options.csv:
            options.csv.parent.mkdir(parents=True, exist_ok=True)
            full = compared or {ACCURACY: differences([])}
            for file, of_score in zip(named_apart(options.csv, full), full.values(), strict=True):
                save_text(file, of_score.to_csv(index=False))
    except BrokenPipeError:  # Nobody reads on, which is no error of a file.
        raise
    except (AnalysisError, OSError) as error:
        sys.exit(f"byzdl: {error}")


def differences(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Subtracts final accuracies, or R², in A from those in B, in pairs of the same seed: a row per configuration.

    **Columns:**

    - `setting`, `attack`, `br`, `defense`
    - `topology.n`, `byzantine_nodes`: the numbers of nodes and of Byzantine nodes, if known
    - `pairs`: their number
    - `identical`: the number of pairs with the same rounds.csv, byte for byte except for the seconds
    - `a_mean`, `b_mean`, `difference`: of the mean over benign nodes; `low`, `high`: the 95% bootstrap interval of the
      difference
    - `a_worst`, `b_worst`, `worst_difference`, `worst_low`, `worst_high`: the same for the worst benign node
    """
    groups: defaultdict[tuple[Any, ...], list[Pair]] = defaultdict(list)
    for pair, label in zip(pairs, labels([pair.config for pair in pairs]), strict=True):
        groups[tuple(label)].append(pair)
    rows = []
    for key, group in groups.items():
        a, b = (
            np.array([_final(run) for run in runs]) for runs in zip(*[(pair.a, pair.b) for pair in group], strict=True)
        )
        low, high = bootstrap_interval(b - a)
        row = {**dict(zip(KEYS, key, strict=True)), "pairs": len(group)}
        row |= {NODES: group[0].config.get(NODES), BYZANTINE: group[0].b.byzantine}
        row["identical"] = sum(
            cells(pair.a.folder / "rounds.csv") == cells(pair.b.folder / "rounds.csv") for pair in group
        )
        for i, (column, name, prefix) in enumerate(
            (("mean", "difference", ""), ("worst", "worst_difference", "worst_"))
        ):
            row |= {f"a_{column}": a[:, i].mean(), f"b_{column}": b[:, i].mean(), name: (b - a)[:, i].mean()}
            row |= {f"{prefix}low": low[i], f"{prefix}high": high[i]}
        rows.append(row)
    rows.sort(
        key=lambda row: (
            row["setting"],
            style.attack_order(row["attack"]),
            row["br"],
            style.defense_order(row["defense"]),
        )
    )
    return pd.DataFrame(rows, columns=COLUMNS)


def to_text(matched: Match, compared: Mapping[Score, pd.DataFrame]) -> str:
    """Renders the text that `byzdl compare` prints.

    - `compared`: by score, from `differences` of its pairs

    >>> print(to_text(match([], []), {}), end="")
    0 runs have the same configuration in A and B; rounds.csv is identical for 0 of them, except for the seconds
    """
    same = sum(int(part["identical"].sum()) for part in compared.values())
    lines = [
        f"{len(matched.pairs)} runs have the same configuration in A and B; "
        f"rounds.csv is identical for {same} of them, except for the seconds",
        *_named("only in A", matched.only_a),
        *_named("only in B", matched.only_b),
        *_named("not compared, because several are alike in all keys that both folders have", matched.ambiguous),
    ]
    for key, (in_a, in_b) in sorted(matched.left_out.items()):
        sides = [f"{side}: {', '.join(sorted(values)) or 'absent'}" for side, values in (("A", in_a), ("B", in_b))]
        lines.append(f"left out of the matching: {key} ({'; '.join(sides)})")
    for score, of_score in compared.items():
        for setting, part in of_score.groupby("setting", sort=False):
            lines += ["", *([str(setting)] if setting else [])]
            headers = ["attack", "B_r", "defense", "pairs", "same", "A", "B", "B - A", "worst A", "worst B", "B - A"]
            named = rates(part)
            body = [_row(row, named[br]) for br, row in zip(part["br"].tolist(), part.itertuples(), strict=True)]
            lines += tabulate(body, headers, tablefmt="simple", disable_numparse=True).splitlines()
        about = "mean over benign nodes, and worst benign node; differences in pairs of the same seed"
        lines += ["", f"Final test {score.label}: {about}", "[95% bootstrap interval over seeds]."]
    return "\n".join([*lines, ""])


def _done(folder: Path) -> list[Run]:
    """Returns the runs of a folder that have a result, and prints the number of the others."""
    runs = [run for run in find(folder) if run.status != "superseded"]
    done = finished(runs, folder)
    if len(done) < len(runs):
        print(f"byzdl: {folder}: {len(runs) - len(done)} of {len(runs)} runs have no result", file=sys.stderr)
    return done


def _final(run: Run) -> tuple[float, float]:
    """Returns the mean and the worst score of the last round."""
    columns, rows = table(run.folder / "rounds.csv")
    last = max((dict(zip(columns, row, strict=True)) for row in rows), key=lambda row: row["round"], default={})
    return last.get(f"{run.score}_mean", np.nan), last.get(f"{run.score}_worst", np.nan)


def _row(row: Any, rate: str) -> list[str]:
    """Renders a row of the printed table. If all runs are identical, the differences are `=`."""

    def interval(mean: float, low: float, high: float) -> str:
        if row.identical == row.pairs:
            return "="
        shown, *ends = (written(value, "+.4f") for value in (mean, low, high))
        return shown if np.isnan(low) else f"{shown} [{', '.join(ends)}]"

    return [
        *(row.attack, rate, row.defense, str(row.pairs), str(row.identical)),
        *(written(row.a_mean), written(row.b_mean), interval(row.difference, row.low, row.high)),
        *(written(row.a_worst), written(row.b_worst), interval(row.worst_difference, row.worst_low, row.worst_high)),
    ]


def _named(what: str, runs: Sequence[Run]) -> list[str]:
    if not runs:
        return []
    names = [f"  {run.folder}" for run in runs[:MANY]]
    more = [f"  and {len(runs) - MANY} more"] if len(runs) > MANY else []
    return [f"{what}: {len(runs)}", *names, *more]


if __name__ == "__main__":
    with reader():
        main()
