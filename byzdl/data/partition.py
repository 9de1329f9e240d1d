"""How the training data is split over the nodes."""

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
    """One node's data.

    - `train`, `validation`: indices into the training images, to train on and to validate with
    - `view`: how the node sees these images [..., channels, height, width]; None for as they are. Views that do the
      same are equal
    - `test_view`: how its model is shown the test images
    """

    train: Index
    validation: Index
    view: View | None = None
    test_view: View | None = None


class Partition(Component):
    """A way to split N labelled samples over n nodes, each sample to at most one node.

    - `validation`: the share of its own data that every node holds out from training,
      whatever the defense, so that runs stay comparable in pairs
    """

    validation: ProperShare = 0.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        """The samples of each node."""
        raise NotImplementedError

    def check(self, shape: tuple[int, int, int]) -> None:
        """Refuse, with a `ConfigError`, images of a (channels, height, width) that cannot be seen as nodes should."""

    def view(self, node: int, seed: int) -> View | None:
        """How a node sees its own images, where it does not see them as they are."""
        return None

    def test_view(self, node: int, seed: int) -> View | None:
        """How a node's model is shown the test images, where not as they are."""
        return None


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
            return tuple(
                replace(holding, view=partition.view(node, seed), test_view=partition.test_view(node, seed))
                for node, holding in enumerate(holdings)
            )
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
