"""What a draw gives: who is a neighbour of whom, and who is Byzantine."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Network:
    """A drawn graph G = (V, E) with its Byzantine set.

    - `neighbours[i]`: N_i, ascending
    - `byzantine`: the Byzantine nodes, ascending
    - `draws`: how many graphs were drawn until one met `topology.require`
    """

    neighbours: tuple[tuple[int, ...], ...]
    byzantine: tuple[int, ...]
    draws: int = 1

    @property
    def n(self) -> int:
        return len(self.neighbours)

    @cached_property
    def benign(self) -> tuple[int, ...]:
        byzantine = set(self.byzantine)
        return tuple(i for i in range(self.n) if i not in byzantine)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Every undirected edge once, as (i, j) with i < j."""
        return [(i, j) for i, around in enumerate(self.neighbours) for j in around if i < j]

    def metropolis(self, i: int, j: int) -> float:
        """The Metropolis weight W_ij = 1 / (1 + max(|N_i|, |N_j|)) of an edge."""
        return 1 / (1 + max(len(self.neighbours[i]), len(self.neighbours[j])))
