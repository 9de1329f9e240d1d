"""Means over seeds, and how certain they are."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

# What a mean over seeds is taken within.
KEYS = ["setting", "attack", "br", "defense"]


def bootstrap_interval(
    values: ArrayLike, confidence: float = 0.95, resamples: int = 10_000
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The percentile bootstrap interval of the mean over the first axis.

    Columns are resampled together, and with a fixed random state: the same values give the same interval.

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
        bounds[:, usable] = np.quantile(counts @ values[:, usable] / seeds, [tail, 1 - tail], axis=0)
    return bounds[0], bounds[1]


def over_seeds(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Mean and 95% bootstrap interval of a column over seeds: the data of a figure.

    - `frame`: as `load` gives it

    **Columns:** `setting`, `attack`, `br`, `defense`, `round`, `seeds` (how many), `mean`, `low`, `high`.
    A mean with a seed that has no value is NaN, and not the mean of the others.
    """
    parts = []
    for key, group in frame.groupby(KEYS):
        points = group.pivot(index="seed", columns="round", values=column).sort_index()
        low, high = bootstrap_interval(points)
        columns = {"round": points.columns, "mean": points.mean(skipna=False).to_numpy(), "low": low, "high": high}
        parts.append(pd.DataFrame({**dict(zip(KEYS, key, strict=True)), **columns, "seeds": len(points)}))
    return pd.concat(parts, ignore_index=True)[[*KEYS, "round", "seeds", "mean", "low", "high"]]
