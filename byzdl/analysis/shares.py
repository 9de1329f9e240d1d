"""Names Byzantine rates. Where n nodes cannot have the rate, the name says how many are Byzantine: `0.1 (0 of 4)`."""

from collections.abc import Iterable

import pandas as pd

NODES, BYZANTINE = "topology.n", "byzantine_nodes"

MANY = 3  # shares beside one rate


def rates(table: pd.DataFrame) -> dict[float, str]:
    """Names the rates of a frame or table, in ascending order. Different rates have different names.

    - `table`: with a column `br`, and for the real shares `topology.n` and `byzantine_nodes`

    >>> rates(pd.DataFrame({"br": [0.1, 0.25], "topology.n": 4, "byzantine_nodes": [0, 1]}))
    {0.1: '0.1 (0 of 4)', 0.25: '0.25'}
    """
    names = dict(zip(numbers := sorted(map(float, table["br"].unique())), distinct(numbers), strict=True))
    if not {NODES, BYZANTINE} <= set(table):
        return names
    known = table[["br", BYZANTINE, NODES]].dropna().drop_duplicates().sort_values([NODES, BYZANTINE])
    odd: dict[float, list[str]] = {}
    for br, byzantine, nodes in known.to_numpy(dtype=float).tolist():
        if abs(byzantine / nodes - br) > 1e-9:
            odd.setdefault(br, []).append(f"{byzantine:g} of {nodes:g}")
    for br, each in odd.items():
        names[br] += f" ({', '.join([*each[:MANY], *(['...'] if len(each) > MANY else [])])})"
    return names


def distinct(numbers: Iterable[float]) -> list[str]:
    """Writes different numbers differently, with no more digits than that takes, but at least six if there are so many.

    >>> distinct([0.1, 1 / 3]), distinct([0.1, 0.10000001])
    (['0.1', '0.333333'], ['0.1', '0.10000001'])
    """
    numbers = list(numbers)
    written = ([f"{number:.{digits}g}" for number in numbers] for digits in range(6, 18))
    return next(texts for texts in written if len(set(texts)) == len(set(numbers)))


def with_shares(table: pd.DataFrame, frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Adds the columns `topology.n` and `byzantine_nodes` of a frame behind the keys, if the frame has them.

    >>> table = pd.DataFrame({"br": [0.1], "mean": [0.5]})
    >>> with_shares(table, pd.DataFrame({"br": [0.1, 0.1], "topology.n": 4, "byzantine_nodes": 0}), ["br"])
        br  topology.n  byzantine_nodes  mean
    0  0.1           4                0   0.5
    """
    if not {NODES, BYZANTINE} <= set(frame):
        return table
    found = table.merge(frame[[*keys, NODES, BYZANTINE]].drop_duplicates(keys), how="left", on=keys)
    return found[[*keys, NODES, BYZANTINE, *(name for name in table if name not in keys)]]
