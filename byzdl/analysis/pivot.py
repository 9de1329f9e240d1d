"""Spreads values over a grid."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def pivot(rows: NDArray[Any], columns: NDArray[Any], values: NDArray[Any]) -> pd.DataFrame:
    """Spreads values over the ascending rows and columns that are given for each; NaN where there is none.

    `DataFrame.pivot` does the same, but takes milliseconds, and some tables are made of thousands of grids.

    - `rows`, `columns`, `values`: `[values]`; no two values have the same row and column

    >>> pivot(np.array([1, 0, 0]), np.array([5, 5, 9]), np.array([0.1, 0.2, 0.3]))
         5    9
    0  0.2  0.3
    1  0.1  NaN
    """
    down, i = np.unique(rows, return_inverse=True)
    across, j = np.unique(columns, return_inverse=True)
    grid = np.full((len(down), len(across)), np.nan)
    grid[i, j] = values
    # A copy would have another layout, in which means over many rows have other last digits.
    return pd.DataFrame(grid, down, across, copy=False)
