"""Ranks defenses: by their worst attacks, and by the largest Byzantine rate at which they beat learning alone."""

import numpy as np
import pandas as pd

from byzdl.analysis import style
from byzdl.analysis.shares import with_shares
from byzdl.analysis.statistics import KEYS, final, paired


def ranking(table: pd.DataFrame, column: str = "mean") -> list[str]:
    """Sorts the defenses of a table of `final_accuracy` by their smallest value, the largest first.

    Ties go by the mean. A missing value counts as the smallest. The reference lines (`oracle`, `mean`, `local`) come last.

    >>> ranking(pd.DataFrame({"defense": ["local", "ubar", "ubar", "median"], "mean": [0.8, 0.9, 0.1, 0.5]}))
    ['median', 'ubar', 'local']
    """
    least = table[column].fillna(-np.inf).groupby(table["defense"]).agg(["min", "mean"])
    return sorted(
        (str(defense) for defense in least.index),
        key=lambda defense: (
            list(style.REFERENCES).index(style.base(defense)) if style.base(defense) in style.REFERENCES else -1,
            *(-least.loc[defense]),
        ),
    )


def worst_attacks(table: pd.DataFrame, count: int = 1) -> pd.DataFrame:
    """Selects each defense's `count` worst attacks per setting and rate. Defenses are sorted by `ranking`.

    An attack against which a defense has no mean, as one of its seeds has no value, comes before all others.

    - `table`: from `final_accuracy`

    **Columns:** those of the table; `average`, the defense's mean over the attacks that it faced; `attacks`, their
    number.

    >>> rows = {"attack": ["max", "ipm"], "defense": "ubar", "mean": [0.25, 0.75]}
    >>> worst_attacks(pd.DataFrame({"setting": "", "br": 0.3, **rows}))
      setting   br attack defense  mean  average  attacks
    0          0.3    max    ubar  0.25      0.5        2
    """
    parts = []
    for _, part in table.groupby(["setting", "br"], sort=False):
        for defense in ranking(part):
            own = part[part["defense"] == defense]
            worst = own.sort_values("mean", kind="stable", na_position="first").head(count)
            parts.append(worst.assign(average=own["mean"].mean(skipna=False), attacks=len(own)))
    return pd.concat(parts, ignore_index=True)


def gains(frame: pd.DataFrame, column: str | None = None) -> pd.DataFrame:
    """Subtracts the final accuracy, or R², of `local` from that of each other defense, in pairs of the same seed (`paired`).

    `local` accepts no message, so its runs under one attack count for all attacks.

    - `frame`: from `load`
    - `column`: by default `accuracy_mean`, or of regressions `r2_mean`

    **Columns:** those of `paired`; `topology.n` and `byzantine_nodes`, if known. Without a pair there is no row.

    **Raises:** `AnalysisError` if `local` has no run.

    >>> case = {"setting": "", "br": 0.3, "seed": 0, "round": 20}
    >>> columns = {"attack": ["max", "ipm"], "defense": ["ubar", "local"], "accuracy_mean": [0.75, 0.5]}
    >>> gains(pd.DataFrame({"run": ["a", "b"], **case, **columns}))[["attack", "defense", "pairs", "mean"]]
      attack defense  pairs  mean
    0    max    ubar      1  0.25
    """
    last = final(frame)
    others = last[last["defense"] != "local"]
    alone = last[last["defense"] == "local"].drop_duplicates(["setting", "br", "seed"])
    faced = last[["setting", "br", "attack"]].drop_duplicates()
    everywhere = pd.concat([others, alone.drop(columns="attack").merge(faced, on=["setting", "br"])])
    return with_shares(paired(everywhere, column), frame, KEYS)


def breakdown(gained: pd.DataFrame) -> pd.DataFrame:
    """Finds the largest Byzantine rate up to which a defense surely beats `local`, against each attack.

    Surely means: the lower bound of `gains` is above 0 at that rate and at every lower one. The rate is NaN if this
    fails at the lowest one.

    - `gained`: from `gains`

    **Columns:** `setting`, `defense`, `attack`, `br`, and `broke`: whether there is a rate at which the lower bound is
    not above 0. If there is none, higher rates were not tried, or have no interval.

    >>> columns = {"br": [0.1, 0.3, 0.5], "low": [0.2, 0.1, -0.4]}
    >>> breakdown(pd.DataFrame({"setting": "", "defense": "ubar", "attack": "max", **columns}))
      setting defense attack   br  broke
    0            ubar    max  0.3   True
    """
    parts = []
    for (setting, defense, attack), group in gained.groupby(["setting", "defense", "attack"]):
        group = group.sort_values("br")
        held = (group["low"] > 0).cummin()
        broke = bool((group["low"] <= 0).any())
        parts.append([setting, defense, attack, group["br"][held].max() if held.any() else np.nan, broke])
    return pd.DataFrame(parts, columns=["setting", "defense", "attack", "br", "broke"])
