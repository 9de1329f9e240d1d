"""Orders and names the values by which a figure tells its curves and panels apart."""

import textwrap
from collections.abc import Hashable, Iterable
from typing import Any

import pandas as pd

from byzdl.analysis import escape, style
from byzdl.analysis.labels import ABSENT
from byzdl.analysis.shares import distinct, rates

# Variables whose values need no name in front.
PLAIN = ("setting", "attack", "defense", "variable")

ORDERS: dict[str, Any] = {"attack": style.attack_order, "defense": style.defense_order}


def levels(frame: pd.DataFrame, variable: str, width: int = 60) -> dict[Hashable, str]:
    """Returns the values of a column in the order of a figure, each with its text there. Missing values are one, too.

    - `width`: the characters on a line; longer texts have several

    >>> levels(pd.DataFrame({"br": [0.3, 0.1]}), "br")
    {0.1: '$B_r$ = 0.1', 0.3: '$B_r$ = 0.3'}
    >>> levels(pd.DataFrame({"optimizer.lr": [0.5, None]}), "optimizer.lr")
    {0.5: 'optimizer.lr = 0.5', '(absent)': 'optimizer.lr = (absent)'}
    """
    values = list(values_of(frame, variable).unique())
    values.sort(key=ORDERS.get(variable, _natural))
    numbers = [value for value in values if _is_number(value)]
    written: dict[Any, str] = dict(zip(numbers, distinct(numbers), strict=True))
    before = "" if variable in PLAIN else f"{escape.figure(variable)} = "
    if variable == "br":
        written, before = {**rates(frame)}, "$B_r$ = "
    named: dict[Hashable, str] = {}
    for value in values:
        text = before + escape.figure(written.get(value, str(value)))
        text = textwrap.fill(text, width) or text
        # Values that are written alike, such as 1 and "1", are not taken together.
        named[value] = text if text not in named.values() else f"{text} [{len(named)}]"
    return named


def values_of(frame: pd.DataFrame, variable: str) -> "pd.Series[Any]":
    """Returns a column with a value in every row."""
    column = frame[variable]
    return column.astype(object).where(column.notna(), ABSENT)


def texts(order: Iterable[Any], named: dict[Hashable, str]) -> list[str]:
    """Returns the texts of these values. What is no value is taken for a text."""
    return [named.get(value, value) for value in order]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _natural(value: Any) -> tuple[bool, float, str]:
    """Returns a key that sorts numbers by value, before words."""
    return (False, float(value), "") if _is_number(value) else (True, 0.0, str(value))
