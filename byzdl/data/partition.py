"""The split of the training data over the nodes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from byzdl.config.types import Component, ConfigError, ProperShare
from byzdl.random_streams import stream

MAX_DRAWS = 1000

Index = NDArray[np.int64]
View = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Holding:
    """Holds the data of one node.

    - `train`, `validation`: indices into the training images, to train on and to validate with
    - `view`: a change of the node's images [..., channels, height, width]; None for no change. Views with the same
      effect are equal
    - `test_view`: the change of the test images for the node's model, likewise
    """

    train: Index
    validation: Index
    view: View | None = None
    test_view: View | None = None


class Partition(Component):
    """Splits N labelled samples over n nodes, each sample to at most one node: the base class of all splits.

    - `validation`: the share of its own data that every node holds out from training; under every defense, so that runs
      can be compared in pairs

    >>> class InTurn(Partition):
    ...     def split(self, labels, n, rng):
    ...         return [np.arange(i, len(labels), n) for i in range(n)]
    >>> [part.tolist() for part in InTurn().split(np.zeros(5), n=2, rng=np.random.default_rng(0))]
    [[0, 2, 4], [1, 3]]
    """

    validation: ProperShare = 0.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        """Returns the sample indices of each of the n nodes.

        - `labels` [N]
        - `rng`: the source of all random numbers
        """
        raise NotImplementedError

    def check(self, shape: tuple[int, int, int]) -> None:
        """Refuses images of a shape (channels, height, width) on which the views are not defined.

        **Raises:** `ConfigError`, with the key to change.
        """

    def view(self, node: int, seed: int) -> View | None:
        """Returns the change of a node's own images, or None for no change."""
        return None

    def test_view(self, node: int, seed: int) -> View | None:
        """Returns the change of the test images for a node's model, or None for no change."""
        return None


class Iid(Partition):
    """Splits the data at random into equal parts, one for each node.

    The sizes differ by at most one.
    """

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        return np.array_split(rng.permutation(len(labels)), n)


def divide(partition: Partition, labels: Index, n: int, batch_size: int, seed: int) -> tuple[Holding, ...]:
    """Divides the training data over n nodes, from the seed alone.

    The split is redrawn until each node can fill a batch, and hold out a sample if the partition has a validation share.

    - `labels` [N]: of the training images

    **Raises:** `ConfigError` if no draw of 1000 is such a split.

    >>> from byzdl.data import Iid
    >>> holdings = divide(Iid(validation=0.25), np.arange(12) % 2, n=3, batch_size=2, seed=0)
    >>> [(len(holding.train), len(holding.validation)) for holding in holdings]
    [(3, 1), (3, 1), (3, 1)]
    """
    most_train, most_held = 0, 0
    for draw in range(MAX_DRAWS):
        rng = stream(seed, "partition", draw)
        holdings = tuple(_hold_out(part, partition.validation, rng) for part in partition.split(labels, n, rng))
        train = min(len(holding.train) for holding in holdings)
        held = min(len(holding.validation) for holding in holdings)
        if train >= batch_size and (held > 0 or partition.validation == 0):
            return tuple(
                replace(holding, view=partition.view(node, seed), test_view=partition.test_view(node, seed))
                for node, holding in enumerate(holdings)
            )
        most_train, most_held = max(most_train, train), max(most_held, held)
    if most_train < batch_size:
        takes = f"at most {most_train}, the samples of the smallest node (partition={partition.name}, topology.n={n})"
        raise ConfigError.of("batch_size", batch_size, takes)
    raise ConfigError.of(
        "partition.validation", partition.validation, "0, or large enough to hold out a sample at every node"
    )


def _hold_out(part: Index, share: float, rng: np.random.Generator) -> Holding:
    part = rng.permutation(part)
    held = round(share * len(part))
    return Holding(train=part[held:], validation=part[:held])
