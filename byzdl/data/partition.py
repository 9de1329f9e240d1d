"""The split of the training data over the nodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from byzdl.config.types import Component, ConfigError, ProperShare, RuleError
from byzdl.data.dataset import Data
from byzdl.random_streams import stream
from byzdl.samples import Sample

MAX_DRAWS = 1000

By = Literal["class", "user"]
Index = NDArray[np.int64]
View = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Holding:
    """Holds the data of one node.

    - `train`, `validation`: indices into the training samples, to train on and to validate with
    - `view`: a change of the node's inputs [..., *shape]; None for no change. Views with the same effect are equal
    - `test_view`: the change of the test inputs for the node's model, likewise
    """

    train: Index
    validation: Index
    view: View | None = None
    test_view: View | None = None


class Partition(Component):
    """Splits N labelled samples over n nodes, each sample to at most one node: the base class of all splits.

    - `validation`: the share of its own data that every node holds out from training; under every defense, so that runs
      can be compared in pairs
    - `by`: what the labels are that `split` gets, each sample's class or its user

    >>> class InTurn(Partition):
    ...     def split(self, labels, n, rng):
    ...         return [np.arange(i, len(labels), n) for i in range(n)]
    >>> [part.tolist() for part in InTurn().split(np.zeros(5), n=2, rng=np.random.default_rng(0))]
    [[0, 2, 4], [1, 3]]
    """

    # The key that makes the nodes' shares more even, and how it must change: ("alpha", "larger").
    evened_by: ClassVar[tuple[str, str] | None] = None

    by: ClassVar[By] = "class"

    validation: ProperShare = 0.0

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        """Returns the sample indices of each of the n nodes.

        - `labels` [N]: each sample's class, or its user (`by`); a regression has tenths of the targets in place of classes
        - `rng`: the source of all random numbers
        """
        raise NotImplementedError

    def check(self, sample: Sample) -> None:
        """Refuses samples on which the views are not defined.

        **Raises:** `ConfigError`, with the key to change.
        """

    def view(self, node: int, seed: int) -> View | None:
        """Returns the change of a node's own inputs, or None for no change."""
        return None

    def test_view(self, node: int, seed: int) -> View | None:
        """Returns the change of the test inputs for a node's model, or None for no change."""
        return None


class Iid(Partition):
    """Splits the data at random into equal parts, one for each node.

    The sizes differ by at most one.
    """

    def split(self, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
        return np.array_split(rng.permutation(len(labels)), n)


def labels_for(partition: Partition, data: Data) -> Index:
    """Returns the label of each training sample [N] by which a partition splits: its class or its user.

    **Raises:** `ConfigError` for data without users.

    >>> import torch
    >>> from byzdl.data import Iid, Split
    >>> from byzdl.samples import Sample
    >>> part = Split(torch.zeros(3, 1), torch.tensor([0, 2, 1]))
    >>> labels_for(Iid(), Data(part, part, Sample((1,), "features"), classes=3, fingerprint=""))
    array([0, 2, 1])
    """
    if partition.by == "class":
        return data.labels
    if data.groups is None:
        takes = "a split by classes, as the data do not say to which user a sample belongs"
        raise ConfigError.of("partition", partition.name, takes)
    return data.groups


def divide(partition: Partition, labels: Index, n: int, batch_size: int, seed: int) -> tuple[Holding, ...]:
    """Divides the training data over n nodes, from the seed alone.

    The split is redrawn until each node can fill a batch, and hold out a sample if the partition has a validation share.

    - `labels` [N]: the classes of the training samples, or their users, see `labels_for`

    **Raises:** `ConfigError` if no draw of 1000 is such a split; `RuleError` for a partition of one's own that returns
    anything else than indices, or one twice.

    >>> from byzdl.data import Iid
    >>> holdings = divide(Iid(validation=0.25), np.arange(12) % 2, n=3, batch_size=2, seed=0)
    >>> [(len(holding.train), len(holding.validation)) for holding in holdings]
    [(3, 1), (3, 1), (3, 1)]
    """
    refuse_impossible(partition, len(labels), n, batch_size)
    best = _Smallest(-1, 0, 0)
    for draw in range(MAX_DRAWS):
        rng = stream(seed, "partition", draw)
        holdings = tuple(_hold_out(part, partition.validation, rng) for part in _parts(partition, labels, n, rng))
        smallest = min(_Smallest(len(one.train), len(one.validation), node) for node, one in enumerate(holdings))
        held = min(len(holding.validation) for holding in holdings)
        if smallest.train >= batch_size and (held > 0 or partition.validation == 0):
            return tuple(
                replace(holding, view=partition.view(node, seed), test_view=partition.test_view(node, seed))
                for node, holding in enumerate(holdings)
            )
        best = max(best, smallest)
    raise _too_uneven(partition, len(labels), n, batch_size, best)


def refuse_impossible(partition: Partition, total: int, n: int, batch_size: int, where: str = "") -> None:
    """Refuses what even the most even split of `total` samples over n nodes could not do.

    - `where`: the place of the samples, to follow them in the message

    **Raises:** `ConfigError`, with the key to change.

    >>> refuse_impossible(Iid(), total=60, n=4, batch_size=16)
    Traceback (most recent call last):
    byzdl.config.types.ConfigError: batch_size is 16, but must be at most 15, the training samples of a node when
    topology.n=4 nodes share the 60 samples
    """
    each, share = total // n, partition.validation
    most = each - round(share * each)
    if each < 1:
        raise ConfigError.of("topology.n", n, f"at most {total}, the number of training samples{where}")
    if most < 1:
        takes = f"smaller: a node has {each} samples, holds out {each - most}, and has none left to train on"
        raise ConfigError.of("partition.validation", share, takes)
    if batch_size > most:
        shared = f"when topology.n={n} nodes share the {total} samples{where}"
        also = f" and partition.validation={share}" if most < each else ""
        raise ConfigError.of("batch_size", batch_size, f"at most {most}, the training samples of a node {shared}{also}")


class _Smallest(NamedTuple):
    """The node with the fewest samples to train on, and the number of those that it holds out."""

    train: int
    held: int
    node: int


def _parts(partition: Partition, labels: Index, n: int, rng: np.random.Generator) -> list[Index]:
    """The samples of each node.

    **Raises:** `RuleError` if the partition returns anything else.
    """
    with RuleError.of_method(partition, "split"):
        parts = partition.split(labels, n, rng)
        if not isinstance(parts, Sequence) or len(parts) != n:
            got = f"{len(parts)} parts" if isinstance(parts, Sequence) else f"a {type(parts).__name__}"
            raise RuleError(f"returns {got}, but must return {n} parts, one for each node")
        checked = [one if (one := np.asarray(part)).size else np.arange(0) for part in parts]
        if odd := [node for node, part in enumerate(checked) if part.ndim != 1 or part.dtype.kind not in "iu"]:
            array = checked[odd[0]]
            got = f"{array.dtype} {list(array.shape)}" if array.ndim else type(parts[odd[0]]).__name__
            raise RuleError(f"returns {got} for node {odd[0]}, but must return indices [m]")
        dealt = np.concatenate(checked)
        if len(dealt) and not 0 <= dealt.min() <= dealt.max() < len(labels):
            got = f"indices from {dealt.min()} to {dealt.max()}"
            raise RuleError(f"returns {got}, but must return some of 0 .. {len(labels) - 1}")
        if len(dealt) and np.bincount(dealt).max() > 1:
            raise RuleError("gives a sample out twice, but must give it to one node at most")
    return checked


def _too_uneven(partition: Partition, total: int, n: int, batch_size: int, best: _Smallest) -> ConfigError:
    """Says which key leaves a node with too little, though an even split would not.

    - `best`: the smallest node of the most even draw
    """
    train, held, node = best
    found = f"in the most even of {MAX_DRAWS} draws, node {node} has {train + held} of the {total} samples"
    if train >= batch_size:
        takes = f"0, or large enough that each node holds out a sample: {found}"
        return ConfigError.of("partition.validation", partition.validation, takes)
    key, change = partition.evened_by or ("", "")
    if train:
        also = f"; or make partition.{key} {change}" if key else ""
        takes = f"at most {train}, the training samples of the smallest node: {found}{also}"
        return ConfigError.of("batch_size", batch_size, takes)
    if key:
        takes = f"{change}: {found}, and batch_size={batch_size} needs {batch_size}"
        return ConfigError.of(f"partition.{key}", getattr(partition, key), takes)
    return ConfigError.of("partition", partition.name, f"a split that gives each node a sample: {found}")


def drawn_shares(n: int, concentration: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws n shares from a symmetric Dirichlet distribution.

    >>> drawn_shares(4, 1e308, np.random.default_rng(0))
    array([0.25, 0.25, 0.25, 0.25])
    """
    return rng.dirichlet(np.full(n, min(concentration, 1e300)))  # The sum of larger ones is infinite.


def _hold_out(part: Index, share: float, rng: np.random.Generator) -> Holding:
    part = rng.permutation(part)
    held = round(share * len(part))
    return Holding(train=part[held:], validation=part[:held])
