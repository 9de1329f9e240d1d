"""Splits that give nodes different classes, or classes in different proportions."""

import numpy as np

from byzdl.config.types import ConfigError, Count, Positive, Share
from byzdl.data.partition import Index, Partition, drawn_shares


class Dirichlet(Partition):
    """Spreads each class over the nodes in proportions drawn from a symmetric Dirichlet(alpha).

    - `alpha`: the concentration; a small one gives each node few classes

    The split is redrawn until every node can fill a batch.

    **Source:** Hsu, Qi, Brown, *Measuring the effects of non-identical data distribution* (2019), in the
    per-class form of Li et al., *Federated learning on non-IID data silos* (ICDE 2022).
    """

    evened_by = ("alpha", "larger")

    alpha: Positive = 1.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        parts: list[list[Index]] = [[] for _ in range(n)]
        for label in np.unique(labels):
            members = rng.permutation(np.flatnonzero(labels == label))
            shares = drawn_shares(n, self.alpha, rng)
            cuts = np.round(np.cumsum(shares)[:-1] * len(members)).astype(int)
            for part, piece in zip(parts, np.split(members, cuts), strict=True):
                part.append(piece)
        return [np.concatenate(part) for part in parts]


class Shards(Partition):
    """Sorts the data by label, cuts them into equal shards, and deals `classes` shards to each node.

    - `classes`: shards a node, out of n times as many

    **Source:** McMahan et al., *Communication-efficient learning of deep networks from decentralized data* (2017).
    """

    evened_by = ("classes", "smaller")

    classes: Count = 2

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        shuffled = rng.permutation(len(labels))
        by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
        shards = np.array_split(by_label, n * self.classes)
        dealt = rng.permutation(len(shards)).reshape(n, self.classes)
        return [np.concatenate([shards[s] for s in hand]) for hand in dealt]


class LabelsPerNode(Partition):
    """Gives each node samples of exactly `classes` classes, and splits a class evenly over its nodes.

    - `classes`: classes a node

    The numbers of nodes per class differ by at most one. Unlike `Shards`, this split fixes the number of classes a node
    and lets the sizes differ. The pieces of `Shards` are equal, and may straddle two classes or come twice from one.

    **Source:** quantity-based label imbalance (#C = k) of Li et al., *Federated learning on non-IID data silos*
    (ICDE 2022). They give node i the class i mod C and k-1 others at random, so that some classes have many more nodes
    than others.
    """

    evened_by = ("classes", "larger")

    classes: Count = 2

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        known, sizes = np.unique(labels, return_counts=True)
        fewest = -(-len(known) // n)
        if not fewest <= self.classes <= len(known):
            takes = (
                f"an integer from {fewest} (so that {n} nodes hold every class) to {len(known)} (the number of classes)"
            )
            raise ConfigError.of("partition.classes", self.classes, takes)
        hands = _deal(len(known), self.classes, n, rng)
        parts: list[list[Index]] = [[] for _ in range(n)]
        for k, label in enumerate(known):
            holders = rng.permutation([i for i in range(n) if k in hands[i]])
            if len(holders) > sizes[k]:
                takes = f"smaller: {len(holders)} of {n} nodes would share the {sizes[k]} samples of class {label}"
                raise ConfigError.of("partition.classes", self.classes, takes)
            members = rng.permutation(np.flatnonzero(labels == label))
            for i, piece in zip(holders, np.array_split(members, len(holders)), strict=True):
                parts[i].append(piece)
        return [np.concatenate(part) for part in parts]


class Similarity(Partition):
    """Deals a share `gamma` of the data at random, and the rest in order of label, node by node.

    - `gamma`: the random share; 1 is IID. At 0 a node holds one class or few, and nodes of near numbers hold the same ones

    Both shares are cut into n equal parts (the sizes in each differ by at most one).

    **Source:** ByzFL's `gamma_similarity_niid`. There, the random share is the first of the data as they come, and the
    split is over the honest nodes alone. Here, that share is drawn at random, and Byzantine nodes have data, too.
    """

    gamma: Share = 0.5

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        shuffled = rng.permutation(len(labels))
        alike, rest = np.split(shuffled, [round(self.gamma * len(labels))])
        by_label = rest[np.argsort(labels[rest], kind="stable")]
        parts = zip(np.array_split(alike, n), np.array_split(by_label, n), strict=True)
        return [np.concatenate(part) for part in parts]


def _deal(classes: int, each: int, n: int, rng: np.random.Generator) -> list[set[int]]:
    """Deals `each` different classes to each of n nodes: those with the fewest nodes so far, ties at random."""
    holders = np.zeros(classes, dtype=int)
    hands = []
    for _ in range(n):
        order = rng.permutation(classes)
        hand = order[np.argsort(holders[order], kind="stable")][:each]
        holders[hand] += 1
        hands.append(set(hand.tolist()))
    return hands
