"""Builds the table of final accuracy, or R²: tidy for programs, and laid out for papers."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from byzdl.analysis import escape, style
from byzdl.analysis.scores import R2, score_of, written
from byzdl.analysis.shares import rates, with_shares
from byzdl.analysis.statistics import IQM, KEYS, final, over_seeds, paired, rounds_to

# With fewer seeds an interquartile mean adds nothing to the mean.
IQM_SEEDS = 5


def final_accuracy(frame: pd.DataFrame, accuracy: float = 0.5) -> pd.DataFrame:
    """Tabulates the accuracy, or R², of each run's last round over seeds: a row per setting, attack, rate and defense.

    - `frame`: from `load`
    - `accuracy`: the accuracy, or R², to count the rounds to

    **Columns:** low and high bound 95% bootstrap intervals, and are missing for a single seed.

    - `setting`, `attack`, `br`, `defense`
    - `topology.n`, `byzantine_nodes`: the numbers of nodes and of Byzantine nodes, if known
    - `seeds`
    - `mean`, `low`, `high`: of the mean over benign nodes
    - `worst`, `worst_low`, `worst_high`: of the worst benign node
    - `iqm`, `iqm_low`, `iqm_high`: as `mean`, but the interquartile mean over seeds; missing with fewer than 5 seeds
    - `over_local`, `over_local_low`, `over_local_high`: as `mean`, minus that of `local`, in pairs of the same seed
    - `over_local_pairs`: the number of pairs; smaller than `seeds` if `local` lacks some of them
    - `rmse`, `rmse_low`, `rmse_high`: of regressions alone, the root of the mean squared error, mean over benign nodes, in
      units of the targets
    - `reached_0.5`, `rounds_to_0.5`: the number of seeds that reach that accuracy, and the median over seeds of the
      rounds to it (`rounds_to`)

    >>> case = {"setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "round": 20}
    >>> ends = {"accuracy_mean": [0.5, 1.0], "accuracy_worst": [0.25, 0.75]}
    >>> table = final_accuracy(pd.DataFrame({**case, "run": ["a", "b"], "seed": [0, 1], **ends}))
    >>> table[["defense", "seeds", "mean", "low", "high", "worst", "rounds_to_0.5"]]
      defense  seeds  mean  low  high  worst  rounds_to_0.5
    0    ubar      2  0.75  0.5   1.0    0.5           20.0
    """
    last, score = final(frame), score_of(frame)
    iqm = over_seeds(last, score.mean, trim=IQM)
    alone = "local" in set(last["defense"])
    gained = paired(last, score.mean, "local") if alone else iqm[:0].rename(columns={"seeds": "pairs"})
    parts = {
        "worst": over_seeds(last, score.worst),
        "iqm": iqm[iqm["seeds"] >= IQM_SEEDS],
        "over_local": gained,
        **({"rmse": over_seeds(last, "rmse_mean")} if score is R2 else {}),
    }
    table = over_seeds(last, score.mean).drop(columns="round")
    for name, part in parts.items():
        renamed = part.rename(columns={"mean": name, "low": f"{name}_low", "high": f"{name}_high"})
        table = table.merge(renamed[[*KEYS, name, f"{name}_low", f"{name}_high"]], on=KEYS, how="left")
    table = table.merge(gained[[*KEYS, "pairs"]].rename(columns={"pairs": "over_local_pairs"}), on=KEYS, how="left")
    table["over_local_pairs"] = table["over_local_pairs"].fillna(0).astype(int)
    reached = {"reached": f"reached_{accuracy:g}", "median": f"rounds_to_{accuracy:g}"}
    rounds = rounds_to(frame, accuracy, score.mean).rename(columns=reached)
    table = with_shares(table.merge(rounds[[*KEYS, *reached.values()]], on=KEYS), frame, KEYS)
    order = {"attack": style.attack_order, "defense": style.defense_order}
    return table.sort_values(
        KEYS, key=lambda column: column.map(order.get(str(column.name), lambda value: value)), ignore_index=True
    )


def to_markdown(table: pd.DataFrame) -> str:
    """Renders the table of `final_accuracy`, with one section per setting, and one row per attack and defense.

    With at least five seeds the interquartile mean is shown beside the mean.

    >>> case = {"setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "round": 20}
    >>> ends = {"accuracy_mean": [0.5, 1.0], "accuracy_worst": [0.25, 0.75]}
    >>> table = final_accuracy(pd.DataFrame({**case, "run": ["a", "b"], "seed": [0, 1], **ends}))
    >>> print(to_markdown(table).splitlines()[-1])
    | max      | ubar      | 0.750 [0.500, 1.000] | 0.500   | 2       |
    """
    parts = _parts(table)
    sections = []
    for setting, part in table.groupby("setting", sort=False):
        named = rates(part)
        each = [header for rate in named.values() for header in (f"B_r = {rate}", *parts[1:])]
        body = [list(map(escape.markdown, row)) for row in _rows(part, list(named), parts)]
        text = tabulate(body, ["attack", "defense", *each, "seeds"], tablefmt="pipe", disable_numparse=True)
        sections.append(f"## {escape.markdown(str(setting))}\n\n{text}\n" if setting else f"{text}\n")
    note = (
        f"Final test {score_of(table).label}: mean over benign nodes and seeds [95% bootstrap interval over seeds], "
        "and that of the worst benign node."
        + (" IQM: the interquartile mean over seeds of the mean over benign nodes." if "IQM" in parts else "")
        + (" RMSE: the mean over benign nodes and seeds, in units of the targets." if "RMSE" in parts else "")
    )
    return "\n".join([f"{note}\n", *sections])


def to_latex(table: pd.DataFrame) -> str:
    r"""Renders the table of `final_accuracy` as LaTeX tabulars. They need the package booktabs.

    >>> case = {"setting": "", "attack": "max", "br": 0.3, "defense": "d_krum", "round": 20}
    >>> ends = {"accuracy_mean": [0.5, 1.0], "accuracy_worst": [0.25, 0.75]}
    >>> table = final_accuracy(pd.DataFrame({**case, "run": ["a", "b"], "seed": [0, 1], **ends}))
    >>> print(to_latex(table).splitlines()[-3])
    max & d\_krum & 0.750 [0.500, 1.000] & 0.500 & 2 \\
    """
    parts = _parts(table)
    return "\n".join(_tabular(str(setting), part, parts) for setting, part in table.groupby("setting", sort=False))


def _parts(table: pd.DataFrame) -> list[str]:
    """Lists the columns of each Byzantine rate."""
    return ["mean", *(["IQM"] if table["iqm"].notna().any() else []), "worst", *(["RMSE"] if "rmse" in table else [])]


def _tabular(setting: str, table: pd.DataFrame, parts: Sequence[str]) -> str:
    named, wide = rates(table), len(parts)
    each = (name.partition(" ") for name in named.values())
    over = " & ".join(rf"\multicolumn{{{wide}}}{{c}}{{$B_r = {rate}${space}{real}}}" for rate, space, real in each)
    rules = "".join(rf"\cmidrule(lr){{{c}-{c + wide - 1}}}" for c in range(3, 3 + wide * len(named), wide))
    lines = [
        *([f"% {setting}"] if setting else []),
        rf"\begin{{tabular}}{{ll{('l' * (wide - 1) + 'r') * len(named)}r}}",
        r"\toprule",
        rf" & & {over} & \\",
        rules,
        f"attack & defense & {''.join(f'{part} & ' for part in parts) * len(named)}seeds " + r"\\",
    ]
    for row in _rows(table, list(named), parts):
        if row[0]:
            lines.append(r"\midrule")
        lines.append(" & ".join(map(escape.latex, row)) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _rows(table: pd.DataFrame, rates: Sequence[float], parts: Sequence[str]) -> Iterator[list[str]]:
    """Yields the cells of one setting: attack (in its first row only), defense, the parts of each rate, seeds."""
    for attack, of_attack in table.groupby("attack", sort=False):
        name = str(attack)
        for defense, group in of_attack.groupby("defense", sort=False):
            by_rate = group.set_index("br").reindex(list(rates))
            cells = [_cell(row, part) for row in by_rate.itertuples() for part in parts]
            yield [name, str(defense), *cells, _seeds(by_rate["seeds"])]
            name = ""


def _cell(row: Any, part: str) -> str:
    """Formats a mean as `0.619 [0.593, 0.656]`, and others as `0.587`. Empty for a missing value."""
    if part == "RMSE":
        return "" if pd.isna(row.rmse) else f"{row.rmse:.4g}"
    value, low, high = {
        "mean": (row.mean, row.low, row.high),
        "IQM": (row.iqm, row.iqm_low, row.iqm_high),
        "worst": (row.worst, math.nan, math.nan),
    }[part]
    if pd.isna(value):
        return ""
    return written(value) if pd.isna(low) else f"{written(value)} [{written(low)}, {written(high)}]"


def _seeds(counts: "pd.Series[float]") -> str:
    """Formats the number of seeds: one number, or one per rate if the rates differ."""
    each = counts.fillna(0).astype(int).tolist()
    return str(each[0]) if len(set(each)) == 1 else ", ".join(map(str, each))
