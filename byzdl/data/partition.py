"""How the training data is split over the nodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from byzdl.schema import Component, ConfigError, ProperShare
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
