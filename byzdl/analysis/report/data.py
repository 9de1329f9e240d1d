"""What the page shows, as plain records.

Everything is aggregated before it is embedded, and a curve has so many points at most: a folder of thousands of
runs still makes a page that opens at once.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from byzdl.analysis import style
from byzdl.analysis.figures import FEW_SEEDS
from byzdl.analysis.labels import named, varying_keys
from byzdl.analysis.load import Run, rows
from byzdl.analysis.statistics import KEYS, over_seeds
from byzdl.analysis.tables import final_accuracy
from byzdl.config.keys import MACHINE_KEYS

Record = dict[str, Any]

# A panel is some 300 pixels wide: more points would not be seen. Where there are many curves they must share.
MAX_POINTS = 80
MANY_GROUPS, FEWER_POINTS = 300, 40

# What a run chooses by name, and what the page calls it.
CHOICES = {"topology": "graph", "partition": "split", "dataset": "data", "model": "model"}


class Measure(NamedTuple):
    """A column of rounds.csv as the page shows it.

    - `of`: the section that it belongs to
    - `label`: in words
    - `range`: of its axis, or None where the values say
    - `band`: whether it comes with an interval over seeds, and with each seed's curve
    - `log`: whether its axis is logarithmic
    - `since`: whether a row tells of all rounds since the row before
    - `short`: what it is called beside the other one of its chart
    """

    of: str
    label: str
    range: tuple[float, float] | None = None
    band: bool = False
    log: bool = False
    since: bool = False
    short: str = ""


MEASURES = {
    "accuracy_mean": Measure("learning", "test accuracy, mean over benign nodes", (0, 1), band=True),
    "accuracy_worst": Measure("learning", "test accuracy, worst benign node", (0, 1), band=True),
    "loss_mean": Measure("learning", "test loss, mean over benign nodes", log=True),
    "consensus_distance": Measure("learning", "consensus distance", log=True),
    "attack_success_rate": Measure("learning", "success of the attack's trigger", (0, 1)),
    "byzantine_accept_rate": Measure("accepted", "Byzantine messages let in", (0, 1), since=True, short="Byzantine"),
    "benign_accept_rate": Measure("accepted", "benign messages let in", (0, 1), since=True, short="benign"),
    "theta_mean": Measure("theta", "theta, mean over benign nodes"),
}


def records(done: Sequence[Run]) -> tuple[Record, dict[str, int]]:
    """All of the page but its networks; and the group of each run by its name.

    **Keys:** `dimensions` (what can be filtered by: `key`, and its `values` in their order), `defenses` (`name`, and the
    `line` that it is drawn with), `measures`, `rounds` (the lists of rounds that curves refer to), `groups` (one a
    configuration without its seed: `at`, the place of its value in each dimension; `defense`; `seeds`; `final`; `curves`),
    `most` (the most seeds that a group has), `shared` (the keys that all runs have in common).
    """
    frame = rows(done)
    facts = _facts(done)
    lines = style.lines(frame["defense"])
    dimensions = _dimensions(frame, facts)
    of_run = frame.drop_duplicates("run").set_index("run")[KEYS].apply(tuple, axis=1).to_dict()
    first = {key: str(run) for run, key in of_run.items()}
    curves = _curves(frame)
    rounds: list[list[int]] = []
    groups: list[Record] = []
    places: dict[Any, int] = {}
    for row in final_accuracy(frame).to_dict("records"):
        key = tuple(row[name] for name in KEYS)
        points, columns = curves[key]
        if points not in rounds:
            rounds.append(points)
        values = {"attack": row["attack"], "br": row["br"], **facts[first[key]]}
        places[key] = len(groups)
        groups.append(
            {
                "at": [dimension["values"].index(values[dimension["key"]]) for dimension in dimensions],
                "defense": list(lines).index(row["defense"]),
                "seeds": row["seeds"],
                "final": _final(row),
                "rounds": rounds.index(points),
                "curves": columns,
            }
        )
    known = {name for group in groups for name in group["curves"]}
    record = {
        "dimensions": dimensions,
        "defenses": [{"name": name, "line": line} for name, line in lines.items()],
        "measures": {name: measure._asdict() for name, measure in MEASURES.items() if name in known},
        "rounds": rounds,
        "groups": groups,
        "most": max(group["seeds"] for group in groups),
        "shared": _shared(done),
    }
    return record, {str(run): places[key] for run, key in of_run.items()}


def _final(row: Mapping[Hashable, Any]) -> Record:
    """Each the mean and the ends of its interval; how many pairs `over_local` has; of the rounds to an accuracy, the median and how many seeds get there."""
    return {
        "mean": numbers([row["mean"], row["low"], row["high"]]),
        **{
            name: numbers([row[name], row[f"{name}_low"], row[f"{name}_high"]])
            for name in ("worst", "iqm", "over_local")
        },
        "pairs": row["over_local_pairs"],
        "rounds_to": numbers([row["rounds_to_0.5"], row["reached_0.5"]]),
    }


def numbers(values: Iterable[float], digits: int = 4) -> list[float | None]:
    """For JSON: so many significant digits, and None for what is no number."""
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in values]


def _facts(done: Sequence[Run]) -> dict[str, Record]:
    """What each run has chosen beside attack, rate and defense: a value a dimension."""
    configs = [run.config for run in done]
    facts = {}
    for run, varying in zip(done, varying_keys(configs), strict=True):
        chosen = {label: named(group, run.config, varying) for group, label in CHOICES.items()}
        others = {key: value for key, value in varying.items() if key.partition(".")[0] not in _NAMED}
        facts[run.name] = {**chosen, **others}
    keys = dict.fromkeys(key for values in facts.values() for key in values)
    return {name: {key: values.get(key, "") for key in keys} for name, values in facts.items()}


_NAMED = ("attack", "defense", "pre", *CHOICES)


def _dimensions(frame: pd.DataFrame, facts: Mapping[str, Record]) -> list[Record]:
    """What groups are told apart by, beside their defense, and the values of each in their order."""
    dimensions = [
        {"key": "attack", "values": sorted(frame["attack"].unique(), key=style.attack_order)},
        {"key": "br", "values": sorted(frame["br"].unique().tolist())},
    ]
    for key in next(iter(facts.values())):
        values = sorted({values[key] for values in facts.values()}, key=_natural)
        dimensions.append({"key": key, "values": values})
    return dimensions


def _natural(text: str) -> tuple[bool, float, str]:
    """Sorts numbers as numbers, before words."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def _shared(done: Sequence[Run]) -> Record:
    first = done[0].config
    keys = [key for key in first if key not in MACHINE_KEYS and not key.endswith("_target_")]
    return {key: first[key] for key in keys if all(run.config.get(key, None) == first[key] for run in done)}


def _curves(frame: pd.DataFrame) -> dict[tuple[Any, ...], tuple[list[int], Record]]:
    """Of each group the rounds of its points, and by column `mean`, and where they are wanted `low`, `high` and `seeds`."""
    thin = _thin(frame, MAX_POINTS if frame.groupby(KEYS).ngroups <= MANY_GROUPS else FEWER_POINTS)
    curves: dict[Any, tuple[list[int], Record]] = {
        key: (sorted(set(part["round"].tolist())), {}) for key, part in thin.groupby(KEYS)
    }
    for column, measure in MEASURES.items():
        if column not in thin or thin[column].isna().all():
            continue
        averaged = over_seeds(thin, column) if measure.band else _means(thin, column)
        for key, group in averaged.groupby(KEYS):
            if group["mean"].notna().any():
                parts = ["mean", *(["low", "high"] if measure.band and group["low"].notna().any() else [])]
                curves[key][1][column] = {part: numbers(group[part]) for part in parts}
        if measure.band:
            for key, group in thin.groupby(KEYS):
                if 1 < group["seed"].nunique() < FEW_SEEDS:
                    each = group.pivot(index="seed", columns="round", values=column).sort_index()
                    curves[key][1][column]["seeds"] = [numbers(points) for points in each.to_numpy()]
    return curves


def _thin(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """The rows of at most so many rounds of each setting, the first and the last among them.

    What a row tells of all rounds since the row before is averaged over the rows that are dropped.
    """
    kept = []
    for _, part in frame.groupby("setting"):
        rounds = np.sort(part["round"].unique())
        places = np.unique(np.linspace(0, len(rounds) - 1, min(most, len(rounds))).round().astype(int))
        kept.append(part if len(places) == len(rounds) else _averaged(part, rounds[places]))
    return pd.concat(kept)


def _averaged(frame: pd.DataFrame, kept: NDArray[Any]) -> pd.DataFrame:
    """The rows of the rounds that are kept, rates averaged over the rows since the one that was kept before.

    A row counts by the rounds that it covers; one without a value doesn't.
    """
    frame = frame.sort_values(["run", "round"], ignore_index=True)
    covers = frame.groupby("run")["round"].diff()
    ends = [frame["run"], kept[np.searchsorted(kept, frame["round"])]]
    rates = [name for name, measure in MEASURES.items() if measure.since and name in frame]
    for rate in rates:
        summed = (frame[rate] * covers).groupby(ends).transform("sum", min_count=1)
        frame[rate] = summed / covers.where(frame[rate].notna()).groupby(ends).transform("sum")
    return frame[frame["round"].isin(kept)]


def _means(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """As `over_seeds`, without the interval, which takes long."""
    values = frame.groupby([*KEYS, "round"])[column]
    return values.mean().where(values.count() == values.size()).rename("mean").reset_index()
