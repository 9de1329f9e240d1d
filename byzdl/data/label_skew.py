"""Splits in which nodes see different classes, or classes in different proportions."""

import numpy as np

from byzdl.config.types import ConfigError, Count, Positive, Share
from byzdl.data.partition import Index, Partition


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


class LabelsPerNode(Partition):
    """Each node holds samples of exactly `classes` classes; a class is split evenly over the nodes that hold it.

    How many nodes hold a class differs by at most one between classes. Unlike `Shards`, whose pieces are equal and
    may straddle two classes or come twice from one, it fixes the number of classes a node, and lets the sizes differ.

    **Source:** quantity-based label imbalance (#C = k) of Li et al., *Federated learning on non-IID data silos*
    (ICDE 2022). They give node i the class i mod C and k-1 others at random, so that some classes are held by many
    more nodes than others.
    """

    classes: Count = 2

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        known, sizes = np.unique(labels, return_counts=True)
        fewest = -(-len(known) // n)
        if not fewest <= self.classes <= len(known):
            takes = f"an integer from {fewest}, so that {n} nodes hold every class, to {len(known)}, the classes of the data"
            raise ConfigError.of("partition.classes", self.classes, takes)
        hands = _deal(len(known), self.classes, n, rng)
        parts: list[list[Index]] = [[] for _ in range(n)]
        for k, label in enumerate(known):
            holders = rng.permutation([i for i in range(n) if k in hands[i]])
            if len(holders) > sizes[k]:
                takes = f"fewer: {len(holders)} of {n} nodes would share {sizes[k]} samples of class {label}"
                raise ConfigError.of("partition.classes", self.classes, takes)
            members = rng.permutation(np.flatnonzero(labels == label))
            for i, piece in zip(holders, np.array_split(members, len(holders)), strict=True):
                parts[i].append(piece)
        return [np.concatenate(part) for part in parts]


class Similarity(Partition):
    """A share `gamma` of the data is dealt at random, the rest sorted by label and dealt in order, node by node.

    gamma = 1 is IID; at gamma = 0 a node holds one class, or few, and nodes of near numbers hold the same ones.
    Both shares are cut into n equal parts (sizes differ by at most one in each).

    **Source:** ByzFL's `gamma_similarity_niid`. It takes for the random share the first of the data, as they come,
    and splits over the honest nodes alone; here that share is drawn, and Byzantine nodes have data too.
    """

    gamma: Share = 0.5

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        shuffled = rng.permutation(len(labels))
        alike, rest = np.split(shuffled, [round(self.gamma * len(labels))])
        by_label = rest[np.argsort(labels[rest], kind="stable")]
        parts = zip(np.array_split(alike, n), np.array_split(by_label, n), strict=True)
        return [np.concatenate(part) for part in parts]


def _deal(classes: int, each: int, n: int, rng: np.random.Generator) -> list[set[int]]:
    """So many different classes for each of n nodes: those that the fewest nodes hold so far, drawn among equals."""
    holders = np.zeros(classes, dtype=int)
    hands = []
    for _ in range(n):
        order = rng.permutation(classes)
        hand = order[np.argsort(holders[order], kind="stable")][:each]
        holders[hand] += 1
        hands.append(set(hand.tolist()))
    return hands
