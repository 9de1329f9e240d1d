"""The table of final accuracy: tidy for programs, and laid out for papers."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from byzdl.analysis import style
from byzdl.analysis.statistics import IQM, KEYS, final, over_seeds, paired, rounds_to

# With fewer seeds an interquartile mean says nothing that the mean doesn't.
IQM_SEEDS = 5


def final_accuracy(frame: pd.DataFrame, accuracy: float = 0.5) -> pd.DataFrame:
    """Accuracy in each run's last round, over seeds: one row a setting, attack, Byzantine rate and defense.

    - `frame`: as `load` gives it
    - `accuracy`: to count the rounds to

    **Columns:** low and high bound 95% bootstrap intervals and are missing for a single seed.

    - `setting`, `attack`, `br`, `defense`, `seeds`
    - `mean`, `low`, `high`: of the mean over benign nodes
    - `worst`, `worst_low`, `worst_high`: of the worst benign node
    - `iqm`, `iqm_low`, `iqm_high`: as `mean`, the interquartile mean over seeds; missing where there are fewer than 5
    - `over_local`, `over_local_low`, `over_local_high`: as `mean`, less that of `local`, in pairs of the same seed
    - `over_local_pairs`: how many pairs; 0 without one, and fewer than `seeds` where `local` has not been run with all
    - `reached_0.5`, `rounds_to_0.5`: how many seeds ever get to that accuracy, and the median of the rounds that
      it takes (`rounds_to`)
    """
    last = final(frame)
    iqm = over_seeds(last, "accuracy_mean", trim=IQM)
    alone = "local" in set(last["defense"])
    gained = paired(last, "accuracy_mean", "local") if alone else iqm[:0].rename(columns={"seeds": "pairs"})
    parts = {
        "worst": over_seeds(last, "accuracy_worst"),
        "iqm": iqm[iqm["seeds"] >= IQM_SEEDS],
        "over_local": gained,
    }
    table = over_seeds(last, "accuracy_mean").drop(columns="round")
    for name, part in parts.items():
        renamed = part.rename(columns={"mean": name, "low": f"{name}_low", "high": f"{name}_high"})
        table = table.merge(renamed[[*KEYS, name, f"{name}_low", f"{name}_high"]], on=KEYS, how="left")
    table = table.merge(gained[[*KEYS, "pairs"]].rename(columns={"pairs": "over_local_pairs"}), on=KEYS, how="left")
    table["over_local_pairs"] = table["over_local_pairs"].fillna(0).astype(int)
    reached = {"reached": f"reached_{accuracy:g}", "median": f"rounds_to_{accuracy:g}"}
    rounds = rounds_to(frame, accuracy).rename(columns=reached)
    table = table.merge(rounds[[*KEYS, *reached.values()]], on=KEYS)
    order = {"attack": style.attack_order, "defense": style.defense_order}
    return table.sort_values(
        KEYS, key=lambda column: column.map(order.get(str(column.name), lambda value: value)), ignore_index=True
    )


def to_markdown(table: pd.DataFrame) -> str:
    """The table of `final_accuracy` for reading: a section a setting, a row an attack and defense.

    The interquartile mean stands beside the mean where there are seeds enough for one.
    """
    parts = _parts(table)
    sections = []
    for setting, part in table.groupby("setting", sort=False):
        rates = sorted(part["br"].unique())
        each = [header for br in rates for header in (f"B_r = {br:g}", *parts[1:])]
        headers = ["attack", "defense", *each, "seeds"]
        body = tabulate(list(_rows(part, rates, parts)), headers, tablefmt="pipe", disable_numparse=True)
        sections.append(f"## {setting!s}\n\n{body}\n" if setting else f"{body}\n")
    note = (
        "Final test accuracy: mean over benign nodes and seeds [95% bootstrap interval over seeds], "
        "and that of the worst benign node."
        + (" IQM: the interquartile mean over seeds of the mean over benign nodes." if "IQM" in parts else "")
    )
    return "\n".join([f"{note}\n", *sections])


def to_latex(table: pd.DataFrame) -> str:
    """As `to_markdown`, as LaTeX tabulars that need the package booktabs."""
    parts = _parts(table)
    return "\n".join(_tabular(str(setting), part, parts) for setting, part in table.groupby("setting", sort=False))


def _parts(table: pd.DataFrame) -> list[str]:
    """What each Byzantine rate has a column of."""
    return ["mean", *(["IQM"] if table["iqm"].notna().any() else []), "worst"]


def _tabular(setting: str, table: pd.DataFrame, parts: Sequence[str]) -> str:
    rates, wide = sorted(table["br"].unique()), len(parts)
    over = " & ".join(rf"\multicolumn{{{wide}}}{{c}}{{$B_r = {br:g}$}}" for br in rates)
    rules = "".join(rf"\cmidrule(lr){{{c}-{c + wide - 1}}}" for c in range(3, 3 + wide * len(rates), wide))
    lines = [
        *([f"% {setting}"] if setting else []),
        rf"\begin{{tabular}}{{ll{('l' * (wide - 1) + 'r') * len(rates)}r}}",
        r"\toprule",
        rf" & & {over} & \\",
        rules,
        f"attack & defense & {''.join(f'{part} & ' for part in parts) * len(rates)}seeds " + r"\\",
    ]
    for row in _rows(table, rates, parts):
        if row[0]:
            lines.append(r"\midrule")
        lines.append(" & ".join(map(_escape, row)) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _rows(table: pd.DataFrame, rates: Sequence[float], parts: Sequence[str]) -> Iterator[list[str]]:
    """The cells of one setting: attack (in the first of its rows), defense, the parts of each rate, seeds."""
    for attack, of_attack in table.groupby("attack", sort=False):
        name = str(attack)
        for defense, group in of_attack.groupby("defense", sort=False):
            by_rate = group.set_index("br").reindex(list(rates))
            cells = [_cell(row, part) for row in by_rate.itertuples() for part in parts]
            yield [name, str(defense), *cells, _seeds(by_rate["seeds"])]
            name = ""


def _cell(row: Any, part: str) -> str:
    """`0.619 [0.593, 0.656]`, or the worst node's `0.587`; empty where there is none."""
    value, low, high = {
        "mean": (row.mean, row.low, row.high),
        "IQM": (row.iqm, row.iqm_low, row.iqm_high),
        "worst": (row.worst, math.nan, math.nan),
    }[part]
    if pd.isna(value):
        return ""
    return f"{value:.3f}" if pd.isna(low) else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _seeds(counts: "pd.Series[float]") -> str:
    """How many seeds: one number, or where the rates differ, one a rate."""
    each = counts.fillna(0).astype(int).tolist()
    return str(each[0]) if len(set(each)) == 1 else ", ".join(map(str, each))


def _escape(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, rf"\{c}" if c in "&%$#_{}" else c) for c in text)
