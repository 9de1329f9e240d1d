"""A drawn graph: each node's neighbours, and the Byzantine nodes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Network:
    """Holds a drawn graph G = (V, E) and its Byzantine set.

    - `neighbours[i]`: N_i, ascending
    - `byzantine`: the Byzantine nodes, ascending
    - `draws`: number of graphs drawn until one met `topology.require`
    - `directed`: whether i may hear j and j not hear i; then N_i are the nodes that i hears

    >>> network = Network(neighbours=((1, 2), (0,), (0,)), byzantine=(2,))
    >>> network.edges, network.benign, network.metropolis(0, 1)
    ([(0, 1), (0, 2)], (0, 1), 0.3333333333333333)
    """

    neighbours: tuple[tuple[int, ...], ...]
    byzantine: tuple[int, ...]
    draws: int = 1
    directed: bool = False

    @property
    def n(self) -> int:
        """The number of nodes."""
        return len(self.neighbours)

    @cached_property
    def benign(self) -> tuple[int, ...]:
        """The benign nodes, ascending."""
        byzantine = set(self.byzantine)
        return tuple(i for i in range(self.n) if i not in byzantine)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """The pairs of nodes of which one hears the other, each once, as (i, j) with i < j."""
        return sorted({(min(i, j), max(i, j)) for i, around in enumerate(self.neighbours) for j in around})

    def metropolis(self, i: int, j: int) -> float:
        """Computes the Metropolis weight W_ij = 1 / (1 + max(|N_i|, |N_j|)) of an edge.

        In a directed graph, it is the weight of j at i. Each row of W adds up to 1 with the own weight, but a column need
        not: gossip moves the mean of all models, except on the average over many graphs.
        """
        return 1 / (1 + max(len(self.neighbours[i]), len(self.neighbours[j])))

    def fiedler(self, nodes: tuple[int, ...]) -> np.ndarray:
        """Computes the Fiedler vector [h] of the subgraph on some nodes of an undirected graph: float64, of length 1.

        It is an eigenvector of the Laplacian's smallest eigenvalue, apart from the constant eigenvector. It splits the
        nodes where the fewest edges hold them together, and separates the parts of a disconnected subgraph.

        Several vectors can belong to the eigenvalue, as on a ring. The result is the one with the largest value at a
        single node, the first among equal nodes. Its sign makes this value positive. For fewer than two nodes it is 0.

        >>> Network(neighbours=((1,), (0,)), byzantine=()).fiedler((0, 1)).round(2)
        array([ 0.71, -0.71])
        """
        if nodes not in self._fiedler:
            self._fiedler[nodes] = self._second(nodes)
        return self._fiedler[nodes]

    @cached_property
    def _fiedler(self) -> dict[tuple[int, ...], np.ndarray]:
        return {}

    def _second(self, nodes: tuple[int, ...]) -> np.ndarray:
        if len(nodes) < 2:
            return np.zeros(len(nodes))
        adjacency = np.array([[float(j in self.neighbours[i]) for j in nodes] for i in nodes])
        # Adding 2 moves the constant vector's eigenvalue from 0 to 2h, above the others: a Laplacian's are at most h.
        values, vectors = np.linalg.eigh(np.diag(adjacency.sum(1)) - adjacency + 2.0)
        space = vectors[:, values < values[0] + 1e-9 * len(nodes)]
        projector = space @ space.T
        # The projector is the same for every basis of the space, so the result does not depend on the processor.
        column = projector[:, projector.diagonal().round(9).argmax()]
        vector: np.ndarray = column / np.linalg.norm(column)
        return vector
