"""The conditions of a run, which a rule may check before it begins."""

from collections.abc import Callable
from dataclasses import dataclass

from byzdl.topology import Network


@dataclass(frozen=True)
class Conditions:
    """Holds the conditions of a run, for a rule to check.

    - `network`: the first graph, with its Byzantine set
    - `validation`: the share of its own data that each node holds out
    - `seen`: `seen(k)` is the number of models that a rule sees of k neighbours; with `pre=bucketing` it is below k

    >>> Conditions(Network(((1,), (0,)), byzantine=(1,)), seen=lambda k: -(-k // 2)).seen(5)
    3
    """

    network: Network
    validation: float = 0.0
    seen: Callable[[int], int] = int
