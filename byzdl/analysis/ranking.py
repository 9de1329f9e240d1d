"""How defenses rank: what hurts each one most, and up to which Byzantine rate it is worth its messages."""

import numpy as np
import pandas as pd

from byzdl.analysis import style
from byzdl.analysis.statistics import final, paired


def ranking(table: pd.DataFrame, column: str = "mean") -> list[str]:
    """The defenses of a table of `final_accuracy`, by their least value; the reference lines behind all others."""
    least = table.groupby("defense")[column].agg(["min", "mean"])
    return sorted(
        (str(defense) for defense in least.index),
        key=lambda defense: (
            list(style.REFERENCES).index(style.base(defense)) if style.base(defense) in style.REFERENCES else -1,
            *(-least.loc[defense]),
        ),
    )


def worst_attacks(table: pd.DataFrame, count: int = 1) -> pd.DataFrame:
    """Of a table of `final_accuracy` the rows of each defense's `count` worst attacks, for each setting and rate, as they rank.

    **Columns:** those of the table; `average`, the defense's mean over the attacks that it faced, and `attacks`, how many.
    """
    parts = []
    for _, part in table.groupby(["setting", "br"], sort=False):
        for defense in ranking(part):
            own = part[part["defense"] == defense]
            parts.append(own.nsmallest(count, "mean").assign(average=own["mean"].mean(), attacks=len(own)))
    return pd.concat(parts, ignore_index=True)


def gains(frame: pd.DataFrame, column: str = "accuracy_mean") -> pd.DataFrame:
    """By how much every defense's final accuracy beats that of `local`, in pairs of the same seed (`paired`).

    `local` listens to nobody, so that its runs under any one attack stand for all.

    - `frame`: as `load` gives it

    **Columns:** those of `paired`. Without a pair there is no row.

    **Raises:** `AnalysisError` where no run is of `local`.
    """
    last = final(frame)
    others = last[last["defense"] != "local"]
    alone = last[last["defense"] == "local"].drop_duplicates(["setting", "br", "seed"])
    faced = last[["setting", "br", "attack"]].drop_duplicates()
    everywhere = pd.concat([others, alone.drop(columns="attack").merge(faced, on=["setting", "br"])])
    return paired(everywhere, column)


def breakdown(gained: pd.DataFrame) -> pd.DataFrame:
    """The largest Byzantine rate up to which a defense surely beats `local`, against each attack.

    Surely: the lower end of the interval of `gains` is above 0 at that rate and at every lower one there is. NaN where
    it isn't at the lowest.

    - `gained`: as `gains` gives it

    **Columns:** `setting`, `defense`, `attack`, `br`, and `broke`: whether there is a rate at which it does not surely beat
    `local`. Where there is none, higher ones were not tried, or have no interval.
    """
    parts = []
    for (setting, defense, attack), group in gained.groupby(["setting", "defense", "attack"]):
        group = group.sort_values("br")
        held = (group["low"] > 0).cummin()
        broke = bool((group["low"] <= 0).any())
        parts.append([setting, defense, attack, group["br"][held].max() if held.any() else np.nan, broke])
    return pd.DataFrame(parts, columns=["setting", "defense", "attack", "br", "broke"])
