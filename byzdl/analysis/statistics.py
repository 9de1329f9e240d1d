"""Computes means over seeds, differences in pairs, and their bootstrap intervals."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from byzdl.analysis.files import AnalysisError
from byzdl.analysis.pivot import pivot
from byzdl.analysis.scores import score_of

# A mean over seeds is taken within runs that agree in these.
KEYS = ["setting", "attack", "br", "defense"]

IQM = 0.25  # the `trim` that makes `trimmed_mean` the interquartile mean


def final(frame: pd.DataFrame) -> pd.DataFrame:
    """Returns the last row of each run, or of each node of each run.

    - `frame`: from `load` or `load_nodes`

    >>> frame = pd.DataFrame({"run": ["a", "a", "b"], "round": [0, 10, 0], "accuracy_mean": [0.1, 0.9, 0.2]})
    >>> final(frame)
      run  round  accuracy_mean
    0   a     10            0.9
    1   b      0            0.2
    """
    by = ["run", "node"] if "node" in frame else ["run"]
    return frame.loc[frame.groupby(by)["round"].idxmax()].reset_index(drop=True)


def trimmed_mean(values: ArrayLike, trim: float) -> NDArray[np.float64]:
    """Averages over the first axis, without the share `trim` of the values at either end.

    0 gives the mean, 0.25 the interquartile mean. Outliers move that less than the mean, and it needs fewer seeds than
    the median. If `trim` times the number of values is not an integer, a value counts in part.

    - `values`: `[seeds, points]`

    **Returns:** `[points]`; NaN if a value is NaN.

    **Source:** R. Agarwal et al., *Deep reinforcement learning at the edge of the statistical precipice* (NeurIPS
    2021), recommend the interquartile mean. They drop whole values only.

    >>> trimmed_mean([[0.0], [0.5], [0.7], [0.9]], trim=0.25)
    array([0.6])
    """
    values = np.sort(np.asarray(values, dtype=float), axis=0)
    kept = _kept(np.ones(len(values)), trim)
    inside = kept > 0  # drops infinities that do not count, as 0 * inf is NaN
    with np.errstate(invalid="ignore"):  # infinities of both signs
        mean = (kept[inside, None] * values[inside]).sum(axis=0)
    return np.where(np.isnan(values).any(axis=0), np.nan, mean)


def bootstrap_interval(
    values: ArrayLike, confidence: float = 0.95, resamples: int = 10_000, trim: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Computes the percentile bootstrap interval of the mean over the first axis, or of the `trimmed_mean`.

    The random state is fixed: the same values give the same interval. With few seeds the interval is too narrow: three
    seeds have only ten different resamples.

    - `values`: `[seeds, points]`
    - `confidence`: of the interval
    - `resamples`: their number
    - `trim`: as for `trimmed_mean`; 0 for the mean

    **Returns:** the lower and the upper bound, each `[points]`. Both are NaN if a value is not finite, or if there is
    only one seed, which has no spread.

    >>> bootstrap_interval([[0.5, 1.0], [0.5, 3.0]])
    (array([0.5, 1. ]), array([0.5, 3. ]))
    """
    values = np.asarray(values, dtype=float)
    seeds, points = values.shape
    bounds = np.full((2, points), np.nan)
    usable = np.isfinite(values).all(axis=0)
    if seeds > 1 and usable.any():
        tail = (1 - confidence) / 2
        # The seeds' order has no effect on a resample's probability, so values may be sorted for the trimmed mean.
        means = (
            _resampled(seeds, resamples) @ values[:, usable] / seeds
            if trim == 0
            else _weights(seeds, resamples, trim) @ np.sort(values[:, usable], axis=0)
        )
        bounds[:, usable] = np.quantile(means, [tail, 1 - tail], axis=0)
    return bounds[0], bounds[1]


@lru_cache(maxsize=8)
def _resampled(seeds: int, resamples: int) -> NDArray[np.int64]:
    """Counts each seed in each resample, [resamples, seeds]: one matrix product gives all means.

    Kept, as a figure asks for the same counts at each of its points.
    """
    counts = np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
    counts.flags.writeable = False
    return counts


@lru_cache(maxsize=8)
def _weights(seeds: int, resamples: int, trim: float) -> NDArray[np.float64]:
    """Computes the weights of the sorted values in each resample's trimmed mean, [resamples, seeds]."""
    weights = _kept(_resampled(seeds, resamples), trim)
    weights.flags.writeable = False
    return weights


def over_seeds(frame: pd.DataFrame, column: str, trim: float = 0.0) -> pd.DataFrame:
    """Averages a column over seeds, with 95% bootstrap intervals: the data of a figure.

    If a seed has no value, the mean is NaN, not the mean of the others.

    - `frame`: from `load`
    - `trim`: as for `trimmed_mean`; 0 for the mean

    **Columns:** `setting`, `attack`, `br`, `defense`, `round`, `seeds` (their number), `mean`, `low`, `high`.

    >>> case = {"setting": "", "attack": "max", "br": 0.3, "defense": "ubar", "round": 20}
    >>> frame = pd.DataFrame([{**case, "seed": 0, "accuracy_mean": 0.5}, {**case, "seed": 1, "accuracy_mean": 1.0}])
    >>> over_seeds(frame, "accuracy_mean")
      setting attack   br defense  round  seeds  mean  low  high
    0            max  0.3    ubar     20      2  0.75  0.5   1.0
    """
    return _stacked(
        [(key, {"seeds": len(points), **_summary(points, trim)}) for key, points in by_seed(frame, column)],
        ["round", "seeds", "mean", "low", "high"],
    )


def by_seed(frame: pd.DataFrame, column: str) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yields the labels of each configuration, and its values: a row per seed and a column per round, in order.

    A seed that lacks a round has NaN there.

    **Raises:** `AnalysisError` if there are two values for one seed and round.

    >>> case = {"setting": "", "attack": "max", "br": 0.3, "defense": "ubar"}
    >>> frame = pd.DataFrame({**case, "seed": [1, 1, 0], "round": [0, 10, 0], "loss_mean": [2.5, 0.5, 2.0]})
    >>> [(labels, points.to_numpy().tolist()) for labels, points in by_seed(frame, "loss_mean")]
    [(('', 'max', 0.3, 'ubar'), [[2.0, nan], [2.5, 0.5]])]
    """
    if frame.duplicated([*KEYS, "seed", "round"]).any():
        raise AnalysisError("a configuration has two values for one seed and round, but must have one")
    seeds, rounds, values = (frame[name].to_numpy() for name in ("seed", "round", column))
    configurations: Any = frame.groupby(KEYS).indices
    for key, rows in configurations.items():
        yield key, pivot(seeds[rows], rounds[rows], values[rows])


def paired(frame: pd.DataFrame, column: str | None = None, against: str = "local") -> pd.DataFrame:
    """Subtracts one defense's column from that of each other defense, round by round, in pairs of the same seed.

    The same seed means the same graph, Byzantine set, split and mini-batches. Their common effect on both defenses
    cancels. The interval is that of the difference itself, so it says more than an overlap of two intervals.

    - `frame`: from `load`, or its `final` rows for the last round alone
    - `column`: by default `accuracy_mean`, or of regressions `r2_mean`
    - `against`: the label of the defense to compare with

    **Columns:**

    - `setting`, `attack`, `br`, `defense`, `round`
    - `pairs`: the number of seeds of both defenses. Without a pair there is no row
    - `better`: the number of pairs with a positive difference
    - `mean`, `low`, `high`: the mean difference, and its 95% bootstrap interval

    **Raises:** `AnalysisError` if no run has that defense.

    >>> case = {"setting": "", "attack": "max", "br": 0.3, "round": 20}
    >>> ends = {("ubar", 0): 0.75, ("ubar", 1): 1.0, ("local", 0): 0.5, ("local", 1): 0.5}
    >>> rows = [{**case, "defense": name, "seed": seed, "accuracy_mean": end} for (name, seed), end in ends.items()]
    >>> paired(pd.DataFrame(rows), against="local")
      setting attack   br defense  round  pairs  better   mean   low  high
    0            max  0.3    ubar     20      2       2  0.375  0.25   0.5
    """
    if against not in set(frame["defense"]):
        known = ", ".join(sorted(frame["defense"].unique()))
        raise AnalysisError(f"against is {against!r}, but must be a defense of these runs: {known}")
    column = column or score_of(frame).mean
    others = {key[:-1]: points for key, points in by_seed(frame[frame["defense"] == against], column)}
    parts = []
    for key, points in by_seed(frame[frame["defense"] != against], column):
        if key[:-1] in others:
            own, other = points.align(others[key[:-1]], join="inner")
            if own.size:
                difference = own.sub(other).sort_index()
                better = (difference > 0).sum().to_numpy()
                parts.append((key, {"pairs": len(own), "better": better, **_summary(difference)}))
    return _stacked(parts, ["round", "pairs", "better", "mean", "low", "high"])


def rounds_to(frame: pd.DataFrame, accuracy: float = 0.5, column: str | None = None) -> pd.DataFrame:
    """Counts the rounds until an evaluation finds this accuracy, or R², for the first time, per configuration.

    A run may fall below it again later. A run that never reaches it counts as later than all others, and the result is
    the median. A mean would have no value for such a run, and without it the mean would improve with each failure.

    - `frame`: from `load`
    - `column`: by default `accuracy_mean`, or of regressions `r2_mean`

    **Columns:** `setting`, `attack`, `br`, `defense`, `seeds`, `reached` (the number of seeds that reach it), and the
    rounds of the `first`, the `median` and the `last` run. These are NaN if that run never reaches it. The median is
    NaN if half of the runs or more do not.

    >>> case = {"setting": "", "attack": "max", "br": 0.3, "defense": "ubar"}
    >>> columns = {"run": list("aabbcc"), "round": [10, 20] * 3, "accuracy_mean": [0.6, 0.9, 0.4, 0.7, 0.1, 0.1]}
    >>> rounds_to(pd.DataFrame({**case, **columns}), 0.5)
      setting attack   br defense  seeds  reached  first  median  last
    0            max  0.3    ubar      3        2   10.0    20.0   NaN
    """
    column = column or score_of(frame).mean
    reaching = frame[frame[column] >= accuracy].groupby("run")["round"].min()
    runs = frame.drop_duplicates("run").set_index("run")[KEYS]
    runs["round"] = reaching.reindex(runs.index).fillna(np.inf)
    rounds = runs.groupby(KEYS)["round"]
    table = rounds.agg(
        seeds="size", reached=lambda each: int(np.isfinite(each).sum()), first="min", median="median", last="max"
    )
    return table.replace(np.inf, np.nan).reset_index()


def _summary(points: pd.DataFrame, trim: float = 0.0) -> dict[str, ArrayLike]:
    """Summarises `[seeds, rounds]` as columns with a value per round."""
    low, high = bootstrap_interval(points, trim=trim)
    mean = points.mean(skipna=False).to_numpy() if trim == 0 else trimmed_mean(points, trim)
    return {"round": points.columns.to_numpy(), "mean": mean, "low": low, "high": high}


def _stacked(parts: Sequence[tuple[tuple[Any, ...], dict[str, Any]]], columns: Sequence[str]) -> pd.DataFrame:
    """Stacks tables, each behind the labels of its configuration. A number stands for a column of equal ones."""
    if not parts:
        return pd.DataFrame(columns=[*KEYS, *columns])
    labels = pd.DataFrame([key for key, _ in parts], columns=KEYS)
    lengths = [len(part["round"]) for _, part in parts]
    stacked = labels.loc[labels.index.repeat(lengths)].reset_index(drop=True)
    for name in columns:
        each = zip(parts, lengths, strict=True)
        stacked[name] = np.concatenate([np.broadcast_to(part[name], length) for (_, part), length in each])
    return stacked


def _kept(counts: NDArray[np.number], trim: float) -> NDArray[np.float64]:
    """Computes the weights of the values in the trimmed mean.

    - `counts`: the occurrences of each value, in ascending order of the values along the last axis
    """
    total = counts.sum(axis=-1, keepdims=True)
    until = np.clip(np.cumsum(counts, axis=-1), trim * total, (1 - trim) * total)
    kept: NDArray[np.float64] = np.diff(until, axis=-1, prepend=trim * total) / ((1 - 2 * trim) * total)
    return kept
