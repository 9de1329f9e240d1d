"""Means over seeds, differences in pairs, and how certain they are."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from byzdl.analysis.files import AnalysisError

# What a mean over seeds is taken within.
KEYS = ["setting", "attack", "br", "defense"]

IQM = 0.25  # what `trimmed_mean` cuts off at either end to be the interquartile mean


def final(frame: pd.DataFrame) -> pd.DataFrame:
    """The last row of each run, or of each of its nodes.

    - `frame`: as `load` or `load_nodes` gives it
    """
    by = ["run", "node"] if "node" in frame else ["run"]
    return frame.loc[frame.groupby(by)["round"].idxmax()].reset_index(drop=True)


def trimmed_mean(values: ArrayLike, trim: float) -> NDArray[np.float64]:
    """The mean over the first axis of what is left when the share `trim` of the values is cut off at either end.

    0 is the mean, 0.25 the interquartile mean, which R. Agarwal et al., *Deep reinforcement learning at the edge of
    the statistical precipice* (NeurIPS 2021), recommend: outliers move it less than the mean, and it needs fewer seeds
    than the median. They cut off whole values; here, where `trim` times their number is no integer, a value counts in part.

    - `values`: `[seeds, points]`

    **Returns:** `[points]`; NaN where a value is.
    """
    values = np.sort(np.asarray(values, dtype=float), axis=0)
    kept = _kept(np.ones(len(values)), trim)
    inside = kept > 0  # an infinity that is cut off is no matter
    with np.errstate(invalid="ignore"):  # infinities of both signs
        mean = (kept[inside, None] * values[inside]).sum(axis=0)
    return np.where(np.isnan(values).any(axis=0), np.nan, mean)


def bootstrap_interval(
    values: ArrayLike, confidence: float = 0.95, resamples: int = 10_000, trim: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The percentile bootstrap interval of the mean over the first axis, or of the `trimmed_mean`.

    The random state is fixed: the same values give the same interval.
    Of few seeds it is too narrow: three have only ten different resamples.

    - `values`: `[seeds, points]`

    **Returns:** low and high, each `[points]`; NaN where a value is not finite, and throughout for a single seed,
    which says nothing about its own spread.
    """
    values = np.asarray(values, dtype=float)
    seeds, points = values.shape
    bounds = np.full((2, points), np.nan)
    usable = np.isfinite(values).all(axis=0)
    if seeds > 1 and usable.any():
        # How often each resample drew each seed, [resamples, seeds]: all its means are one matrix product.
        counts = np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples)
        tail = (1 - confidence) / 2
        # A resample is as likely in any order, so that a trimmed mean may have the values ascend.
        means = (
            counts @ values[:, usable] / seeds
            if trim == 0
            else _kept(counts, trim) @ np.sort(values[:, usable], axis=0)
        )
        bounds[:, usable] = np.quantile(means, [tail, 1 - tail], axis=0)
    return bounds[0], bounds[1]


def over_seeds(frame: pd.DataFrame, column: str, trim: float = 0.0) -> pd.DataFrame:
    """Mean, or `trimmed_mean`, and its 95% bootstrap interval of a column over seeds: the data of a figure.

    - `frame`: as `load` gives it

    **Columns:** `setting`, `attack`, `br`, `defense`, `round`, `seeds` (how many), `mean`, `low`, `high`.
    A mean with a seed that has no value is NaN, and not the mean of the others.
    """
    parts = []
    for key, group in frame.groupby(KEYS):
        points = group.pivot(index="seed", columns="round", values=column).sort_index()
        parts.append(
            pd.DataFrame({**dict(zip(KEYS, key, strict=True)), **_summary(points, trim), "seeds": len(points)})
        )
    return pd.concat(parts, ignore_index=True)[[*KEYS, "round", "seeds", "mean", "low", "high"]]


def paired(frame: pd.DataFrame, column: str = "accuracy_mean", against: str = "local") -> pd.DataFrame:
    """How much more of a column each defense has than one of them, round by round, in pairs of the same seed.

    The same seed is the same graph, Byzantine set, split and mini-batches, so that what these do to both drops out:
    the interval is of the difference itself, and says more than whether two intervals overlap.

    - `frame`: as `load` gives it, or `final` of that for the last round alone
    - `against`: the label of the defense that the others are compared with

    **Columns:** `setting`, `attack`, `br`, `defense`, `round`, `pairs` (seeds that both have), `better` (of these, how
    many have more), `mean` of the differences, `low`, `high` of its 95% bootstrap interval. Without a pair there is no row.

    **Raises:** `AnalysisError` where no run has that defense.
    """
    if against not in set(frame["defense"]):
        known = ", ".join(sorted(frame["defense"].unique()))
        raise AnalysisError(f"against: got {against!r}, takes a defense of these runs: {known}")
    columns = [*KEYS, "round", "pairs", "better", "mean", "low", "high"]
    parts = [pd.DataFrame(columns=columns)]
    for key, group in frame.groupby(KEYS[:-1]):
        of = {
            str(name): part.pivot(index="seed", columns="round", values=column)
            for name, part in group.groupby("defense")
        }
        for defense in of.keys() - {against} if against in of else ():
            own, other = of[defense].align(of[against], join="inner")
            if own.size:
                difference = own.sub(other).sort_index()
                better = (difference > 0).sum().to_numpy()
                about = {**dict(zip(KEYS, (*key, defense), strict=True)), "pairs": len(own), "better": better}
                parts.append(pd.DataFrame({**about, **_summary(difference)}))
    table = pd.concat(parts[1:] or parts, ignore_index=True)[columns]
    return table.sort_values([*KEYS, "round"], ignore_index=True)


def rounds_to(frame: pd.DataFrame, accuracy: float = 0.5, column: str = "accuracy_mean") -> pd.DataFrame:
    """How many rounds each configuration takes until an evaluation finds this accuracy for the first time.

    A run may fall below it again later. One that never reaches it is no number that a mean could be taken of, and a
    mean of the others would be the better the more of them fail; so it counts as later than all others, and the median
    is told, with how many seeds get there at all.

    - `frame`: as `load` gives it

    **Columns:** `setting`, `attack`, `br`, `defense`, `seeds`, `reached` (how many of them), and `first`, `median`, `last`
    of the rounds; NaN where that run never reaches it (the median: where half of the runs or more do not).
    """
    reaching = frame[frame[column] >= accuracy].groupby("run")["round"].min()
    runs = frame.drop_duplicates("run").set_index("run")[KEYS]
    runs["round"] = reaching.reindex(runs.index).fillna(np.inf)
    rounds = runs.groupby(KEYS)["round"]
    table = rounds.agg(
        seeds="size", reached=lambda each: int(np.isfinite(each).sum()), first="min", median="median", last="max"
    )
    return table.replace(np.inf, np.nan).reset_index()


def _summary(points: pd.DataFrame, trim: float = 0.0) -> dict[str, ArrayLike]:
    """Of `[seeds, rounds]`: the columns that a table has for each round."""
    low, high = bootstrap_interval(points, trim=trim)
    mean = points.mean(skipna=False).to_numpy() if trim == 0 else trimmed_mean(points, trim)
    return {"round": points.columns.to_numpy(), "mean": mean, "low": low, "high": high}


def _kept(counts: NDArray[np.number], trim: float) -> NDArray[np.float64]:
    """The weights of the trimmed mean: how much of each value is left, where so many of each ascend along the last axis."""
    total = counts.sum(axis=-1, keepdims=True)
    until = np.clip(np.cumsum(counts, axis=-1), trim * total, (1 - trim) * total)
    kept: NDArray[np.float64] = np.diff(until, axis=-1, prepend=trim * total) / ((1 - 2 * trim) * total)
    return kept
