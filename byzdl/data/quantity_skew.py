"""A split that gives some nodes far more data than others."""

import numpy as np

from byzdl.config.types import Positive
from byzdl.data.partition import Index, Partition, drawn_shares


class QuantitySkew(Partition):
    """Gives nodes random samples, in amounts drawn from a symmetric Dirichlet(beta).

    - `beta`: the concentration; a small one gives most data to few nodes

    The split is redrawn until every node can fill a batch. With large batches, this makes the amounts more even. If n
    is large, too, there may be no such draw.

    **Source:** quantity skew of Li et al., *Federated learning on non-IID data silos* (ICDE 2022). They redraw until
    every node has 10 samples.
    """

    evened_by = ("beta", "larger")

    beta: Positive = 1.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        shares = drawn_shares(n, self.beta, rng)
        cuts = np.round(np.cumsum(shares)[:-1] * len(labels)).astype(int)
        return np.split(rng.permutation(len(labels)), cuts)
