"""A split in which some nodes have far more data than others."""

import numpy as np

from byzdl.config.types import Positive
from byzdl.data.partition import Index, Partition


class QuantitySkew(Partition):
    """Nodes have shares of the data drawn from a symmetric Dirichlet(beta), of random samples.

    Small beta: most data at few nodes. Drawn again until every node can fill a batch, which evens out what is drawn
    where batches are large; where n is large too, no draw may do.

    **Source:** quantity skew of Li et al., *Federated learning on non-IID data silos* (ICDE 2022). They draw again
    until every node has 10 samples.
    """

    beta: Positive = 1.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        shares = rng.dirichlet(np.full(n, self.beta))
        cuts = np.round(np.cumsum(shares)[:-1] * len(labels)).astype(int)
        return np.split(rng.permutation(len(labels)), cuts)
