"""How the training data is split over the nodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from byzdl.schema import Component, ConfigError, Count, Positive, ProperShare
from byzdl.streams import stream

MAX_DRAWS = 1000

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Holding:
    """One node's data: indices into the training images, to train on and to validate with."""

    train: Index
    validation: Index


class Partition(Component):
    """A way to split N labelled samples over n nodes, each sample to at most one node.

    - `validation`: the share of its own data that every node holds out from training,
      whatever the defense, so that runs stay comparable in pairs
    """

    validation: ProperShare = 0.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        """The samples of each node."""
        raise NotImplementedError


class Iid(Partition):
    """A random split into equal parts (sizes differ by at most one)."""

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        return np.array_split(rng.permutation(len(labels)), n)


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


def divide(partition: Partition, labels: Index, n: int, batch_size: int, seed: int) -> tuple[Holding, ...]:
    """Every node's data, drawn from the seed, and drawn anew until each node can fill a batch and hold out a sample.

    **Raises:** `ConfigError` if 1000 draws leave some node with less.
    """
    most_train, most_held = 0, 0
    for draw in range(MAX_DRAWS):
        rng = stream(seed, "partition", draw)
        holdings = tuple(_hold_out(part, partition.validation, rng) for part in partition.split(labels, n, rng))
        train = min(len(holding.train) for holding in holdings)
        held = min(len(holding.validation) for holding in holdings)
        if train >= batch_size and (held > 0 or partition.validation == 0):
            return holdings
        most_train, most_held = max(most_train, train), max(most_held, held)
    if most_train < batch_size:
        takes = f"at most {most_train}, what the smallest node has (partition={partition.name}, topology.n={n})"
        raise ConfigError.of("batch_size", batch_size, takes)
    raise ConfigError.of(
        "partition.validation", partition.validation, "0, or a share that holds out a sample at every node"
    )


def _hold_out(part: Index, share: float, rng: np.random.Generator) -> Holding:
    part = rng.permutation(part)
    held = round(share * len(part))
    return Holding(train=part[held:], validation=part[:held])
