"""Features: numbers in columns, standardised by the training samples alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from byzdl.random_streams import stream

Features = NDArray[np.float32]


def standardised(train: NDArray[Any], test: NDArray[Any]) -> tuple[Features, Features]:
    """Standardises each feature of [N, ...] by its mean and standard deviation over the training samples.

    A feature that is constant there is only centred. One whose squares float64 cannot hold becomes NaN.

    >>> standardised(np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[4.0, 6.0]]))
    (array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32), array([[3., 1.]], dtype=float32))
    """
    exact, other = train.astype(np.float64), test.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, std = exact.mean(0), exact.std(0)
        std[exact.min(0) == exact.max(0)] = 1.0  # The std of many times 0.1 is not 0, but a rounding error.
        std[np.isinf(std)] = np.nan
        return ((exact - mean) / std).astype(np.float32), ((other - mean) / std).astype(np.float32)


def every_fifth(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks every fifth sample of each class [N], to test with.

    >>> every_fifth(np.array([0, 1, 0, 0, 0, 0, 0])).tolist()
    [True, True, False, False, False, False, True]
    """
    place_in_class = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place_in_class[members] = np.arange(len(members))
    chosen: NDArray[np.bool_] = place_in_class % 5 == 0
    return chosen


def random_share(count: int, share: float) -> NDArray[np.bool_]:
    """Marks a random share of `count` samples, to test with: the same ones for each seed of a run.

    >>> int(random_share(10, 0.2).sum())
    2
    """
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[stream(0, "test_share").permutation(count)[: round(share * count)]] = True
    return chosen
