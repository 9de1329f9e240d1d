"""What a rule may check before a run begins."""

from collections.abc import Callable
from dataclasses import dataclass

from byzdl.topology import Network


@dataclass(frozen=True)
class Conditions:
    """The conditions under which a rule will work.

    - `network`: the first graph, with its Byzantine set
    - `validation`: the share of its own data that each node holds out
    - `seen`: `seen(k)` is the number of models that a rule sees of k neighbours, fewer than k behind `pre=bucketing`
    """

    network: Network
    validation: float = 0.0
    seen: Callable[[int], int] = int
