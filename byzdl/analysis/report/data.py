"""Collects the data of the page as plain records.

Everything is aggregated before it is embedded, and curves have a limited number of points. A page of thousands of runs
still opens at once.
"""

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from byzdl.analysis import style
from byzdl.analysis.labels import named, varying_keys
from byzdl.analysis.load import Run, rows
from byzdl.analysis.rounds import FEW_SEEDS, LABELS
from byzdl.analysis.scores import SCORES, score_of
from byzdl.analysis.shares import rates
from byzdl.analysis.statistics import KEYS, by_seed, over_seeds
from byzdl.analysis.tables import final_accuracy
from byzdl.config.keys import MACHINE_KEYS

Record = dict[str, Any]

# A panel is some 300 pixels wide: more points would be invisible. With many groups, each curve gets fewer.
MAX_POINTS = 80
MANY_GROUPS, FEWER_POINTS = 300, 40

# Groups of a configuration, and their names on the page.
CHOICES = {"topology": "graph", "partition": "split", "dataset": "data", "model": "model"}


# Groups with a label of their own.
NAMED = ("attack", "defense", "pre", *CHOICES)


class Quantity(NamedTuple):
    """Describes how the page shows a column of rounds.csv.

    - `of`: its section of the page
    - `label`: its name in words
    - `range`: of its axis; None to fit the values
    - `band`: whether to show an interval over seeds, and each seed's curve
    - `log`: whether its axis is logarithmic
    - `since`: whether a row covers all rounds since the row before
    - `short`: its name in a chart of two quantities
    """

    of: str
    label: str
    range: tuple[float, float] | None = None
    band: bool = False
    log: bool = False
    since: bool = False
    short: str = ""


# By column of rounds.csv.
QUANTITIES = {
    **{
        column: Quantity("learning", LABELS[column], (score.least, 1), band=True)
        for score in SCORES
        for column in (score.mean, score.worst)
    },
    "rmse_mean": Quantity("learning", LABELS["rmse_mean"], log=True),
    "loss_mean": Quantity("learning", "test loss, mean over benign nodes", log=True),
    "consensus_distance": Quantity("learning", "consensus distance", log=True),
    "attack_success_rate": Quantity("learning", "success rate of the attack's trigger", (0, 1)),
    "byzantine_accept_rate": Quantity("accepted", "accepted Byzantine messages", (0, 1), since=True, short="Byzantine"),
    "benign_accept_rate": Quantity("accepted", "accepted benign messages", (0, 1), since=True, short="benign"),
    "theta_mean": Quantity("theta", "theta, mean over benign nodes"),
}


def records(done: Sequence[Run]) -> tuple[Record, dict[str, int]]:
    """Returns the data of the page without its networks, and the group of each run by the run's name.

    - `done`: runs of one score

    **Keys:**

    - `score`: its `name`, `label` and `least` value on axes
    - `dimensions`: the filters, each with a `key` and its `values` in order
    - `defenses`: each with a `name`, and the `line` of its curve
    - `quantities`: the `QUANTITIES` with data
    - `rounds`: lists of rounds; a group's `rounds` is an index into them
    - `groups`: one per configuration without its seed, with `at` (the index of its value in each dimension), `defense`
      (an index), `seeds` (their number), `final`, `rounds` and `curves`
    - `most`: the largest number of seeds of a group
    - `shared`: the keys that all runs have in common, with their values
    """
    frame = rows(done)
    facts = _facts(done)
    lines = style.lines(frame["defense"])
    named = rates(frame)
    dimensions = _dimensions(frame, list(named.values()), facts)
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
        values = {"attack": row["attack"], "br": named[row["br"]], **facts[first[key]]}
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
    score = score_of(frame)
    record = {
        "score": {"name": score.name, "label": score.label, "least": score.least},
        "dimensions": dimensions,
        "defenses": [{"name": name, "line": line} for name, line in lines.items()],
        "quantities": {name: quantity._asdict() for name, quantity in QUANTITIES.items() if name in known},
        "rounds": rounds,
        "groups": groups,
        "most": max(group["seeds"] for group in groups),
        "shared": _shared(done),
    }
    return record, {str(run): places[key] for run, key in of_run.items()}


def _final(row: Mapping[Hashable, Any]) -> Record:
    """Returns means with intervals, the number of pairs, and the median rounds to 0.5 with the seeds that reach it."""
    return {
        "mean": numbers([row["mean"], row["low"], row["high"]]),
        **{
            name: numbers([row[name], row[f"{name}_low"], row[f"{name}_high"]])
            for name in ("worst", "iqm", "over_local", "rmse")
            if name in row
        },
        "pairs": row["over_local_pairs"],
        "rounds_to": numbers([row["rounds_to_0.5"], row["reached_0.5"]]),
    }


def numbers(values: Iterable[float], digits: int = 4) -> list[float | None]:
    """Rounds values for JSON to significant digits. NaN and infinities become None.

    >>> numbers([0.123456, float("nan")])
    [0.1235, None]
    """
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in values]


def _facts(done: Sequence[Run]) -> dict[str, Record]:
    """Returns each run's value in every dimension except attack and rate."""
    configs = [run.config for run in done]
    facts = {}
    for run, varying in zip(done, varying_keys(configs), strict=True):
        chosen = {label: named(group, run.config, varying) for group, label in CHOICES.items()}
        others = {key: value for key, value in varying.items() if key.partition(".")[0] not in NAMED}
        facts[run.name] = {**chosen, **others}
    keys = dict.fromkeys(key for values in facts.values() for key in values)
    return {name: {key: values.get(key, "") for key in keys} for name, values in facts.items()}


def _dimensions(frame: pd.DataFrame, named: list[str], facts: Mapping[str, Record]) -> list[Record]:
    """Returns the keys that tell groups apart, except the defense, each with its values in order."""
    dimensions = [
        {"key": "attack", "values": sorted(frame["attack"].unique(), key=style.attack_order)},
        {"key": "br", "values": named},
    ]
    for key in next(iter(facts.values())):
        values = sorted({values[key] for values in facts.values()}, key=_natural)
        dimensions.append({"key": key, "values": values})
    return dimensions


def _natural(text: str) -> tuple[bool, float, str]:
    """Returns a key that sorts numbers by value, before words."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def _shared(done: Sequence[Run]) -> Record:
    first = done[0].config
    keys = [key for key in first if key not in MACHINE_KEYS and not key.endswith("_target_")]
    return {key: first[key] for key in keys if all(run.config.get(key, None) == first[key] for run in done)}


def _curves(frame: pd.DataFrame) -> dict[tuple[Any, ...], tuple[list[int], Record]]:
    """Returns the rounds of each group's points, and its curves by column.

    A curve has `mean`, and if its quantity has a band also `low`, `high` and `seeds`.
    """
    thin = _thin(frame, MAX_POINTS if frame.groupby(KEYS).ngroups <= MANY_GROUPS else FEWER_POINTS)
    curves: dict[Any, tuple[list[int], Record]] = {
        key: (sorted(set(part.tolist())), {}) for key, part in thin.groupby(KEYS)["round"]
    }
    for column, quantity in QUANTITIES.items():
        if column not in thin or thin[column].isna().all():
            continue
        averaged = over_seeds(thin, column) if quantity.band else _means(thin, column)
        for key, group in averaged.groupby(KEYS):
            if group["mean"].notna().any():
                parts = ["mean", *(["low", "high"] if quantity.band and group["low"].notna().any() else [])]
                curves[key][1][column] = {part: numbers(group[part]) for part in parts}
        if quantity.band:
            for key, points in by_seed(thin, column):
                if 1 < len(points) < FEW_SEEDS:
                    curves[key][1][column]["seeds"] = [numbers(each) for each in points.to_numpy()]
    return curves


def _thin(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keeps the rows of at most `most` rounds per setting, the first and the last among them.

    Some quantities cover all rounds since the row before. They are averaged over the dropped rows.
    """
    kept = []
    for _, part in frame.groupby("setting"):
        rounds = np.sort(part["round"].unique())
        places = np.unique(np.linspace(0, len(rounds) - 1, min(most, len(rounds))).round().astype(int))
        kept.append(part if len(places) == len(rounds) else _averaged(part, rounds[places]))
    return pd.concat(kept)


def _averaged(frame: pd.DataFrame, kept: NDArray[Any]) -> pd.DataFrame:
    """Keeps the rows of these rounds. Rates are averaged over the rows since the last kept one.

    A row is weighted by the number of rounds that it covers. A row without a value does not count.
    """
    frame = frame.sort_values(["run", "round"], ignore_index=True)
    covers = frame.groupby("run")["round"].diff()
    ends = [frame["run"], kept[np.searchsorted(kept, frame["round"])]]
    rates = [name for name, quantity in QUANTITIES.items() if quantity.since and name in frame]
    for rate in rates:
        summed = (frame[rate] * covers).groupby(ends).transform("sum", min_count=1)
        frame[rate] = summed / covers.where(frame[rate].notna()).groupby(ends).transform("sum")
    return frame[frame["round"].isin(kept)]


def _means(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Averages as `over_seeds` does, without the interval, which is slow."""
    values = frame.groupby([*KEYS, "round"])[column]
    return values.mean().where(values.count() == values.size()).rename("mean").reset_index()
