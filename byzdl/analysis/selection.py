"""Selects what a figure draws, and makes sure that its means are means over seeds alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from byzdl.analysis.files import AnalysisError
from byzdl.analysis.levels import values_of
from byzdl.analysis.statistics import KEYS


def selected(frame: pd.DataFrame, column: str, kinds: Mapping[str, str], keywords: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the rows whose values are in the orders."""
    for name, wanted in {"column": column, **kinds}.items():
        if wanted not in frame:
            raise AnalysisError(f"{name} is {wanted!r}, but must be a column: {', '.join(map(str, frame.columns))}")
    for name, kind in kinds.items():
        if (order := keywords.get(f"{name}_order")) is not None:
            frame = frame[values_of(frame, kind).isin(list(order))]
    if frame.empty:
        raise AnalysisError("frame has no row to draw, but must have one")
    return frame.reset_index(drop=True)


def check(frame: pd.DataFrame, apart: Sequence[str], ax: Axes | None) -> None:
    """Makes sure that a mean is an arithmetic one, over seeds alone."""
    if ax is not None and ax.get_yscale() != "linear":
        raise AnalysisError(f"the scale of ax is {ax.get_yscale()}, but must be linear: set it after the curves")
    curve = [values_of(frame, kind) for kind in apart] or [pd.Series(0, frame.index)]
    for key in (key for key in KEYS if key in frame and key not in apart):
        several = frame[key].groupby(curve).transform("nunique") > 1
        if several.any():
            got = " and ".join(map(repr, frame.loc[several, key].unique()[:2].tolist()))
            takes = "one value: select it, or draw it as row, col or hue"
            raise AnalysisError(f"{key} is {got} in one curve, but must be {takes}")
    if frame[["seed", "round"]].assign(**{str(i): values for i, values in enumerate(curve)}).duplicated().any():
        raise AnalysisError("a curve has two values for one seed and round, but must have one")


def segmented(frame: pd.DataFrame, column: str, apart: Sequence[str]) -> pd.DataFrame:
    """Numbers what gaps leave of each curve (`segment`) and of each run (`thread`), where seaborn would bridge the gap.

    A curve has a gap where one of its seeds has no finite value: a mean over the others would be another one.
    """
    curve = [values_of(frame, kind).rename(str(i)) for i, kind in enumerate(apart)] or [pd.Series(0, frame.index)]
    finite = pd.Series(np.isfinite(frame[column].to_numpy(dtype=float)), frame.index)
    seeds = frame.groupby(curve)["seed"].transform("nunique")
    whole = finite.groupby([*curve, frame["round"]]).transform("sum") == seeds
    order = frame["round"].sort_values(kind="stable").index
    gaps = (~whole.loc[order]).groupby([values.loc[order] for values in curve]).cumsum().loc[frame.index]
    segment = gaps.where(whole).groupby(curve).rank("dense") - 1
    own = frame["run"] if "run" in frame else frame["seed"]
    broken = (~finite.loc[order]).groupby([values.loc[order] for values in (*curve, own)]).cumsum().loc[frame.index]
    return frame.assign(segment=segment, thread=own.astype(str) + " " + broken.where(finite, -1).astype(str))
