"""Splits in which nodes see different classes, or classes in different proportions."""

import numpy as np

from byzdl.data.partition import Index, Partition
from byzdl.schema import Count, Positive


class Dirichlet(Partition):
    """Each class is spread over the nodes in proportions drawn from a symmetric Dirichlet(alpha).

    Small alpha: few classes a node. Drawn again until every node can fill a batch.

    **Source:** Hsu, Qi, Brown, *Measuring the effects of non-identical data distribution* (2019), in the
    per-class form of Li et al., *Federated learning on non-IID data silos* (ICDE 2022).
    """

    alpha: Positive = 1.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        parts: list[list[Index]] = [[] for _ in range(n)]
        for label in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == label))
            shares = rng.dirichlet(np.full(n, self.alpha))
            cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(int)
            for part, piece in zip(parts, np.split(members, cuts), strict=True):
                part.append(piece)
        return [np.concatenate(part) for part in parts]


class Shards(Partition):
    """Sorted by label and cut into n times `classes` shards; each node gets `classes` of them.

    **Source:** McMahan et al., *Communication-efficient learning of deep networks from decentralized data* (2017).
    """

    classes: Count = 2

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        shuffled = rng.permutation(len(labels))
        by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
        shards = np.array_split(by_label, n * self.classes)
        dealt = rng.permutation(len(shards)).reshape(n, self.classes)
        return [np.concatenate([shards[s] for s in hand]) for hand in dealt]
