"""What every partition keeps to."""

import numpy as np
import torch

from byzdl.config.types import ConfigError
from byzdl.data import Partition, divide
from byzdl.data.partition import Index
from byzdl.samples import Sample
from byzdl.testing.compare import leaves_global_random_state
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record

SEEDS = range(5)
# 600 samples, in ten classes of 60, over seven nodes.
LABELS: Index = np.arange(600) % 10
NODES = 7


def parts_of(partition: Partition, seed: int, labels: Index, n: int) -> list[Index]:
    """The samples of each node, drawn from the stream of a seed."""
    with calling("split"):
        parts = partition.split(labels.copy(), n, np.random.default_rng(seed))
    if len(parts) != n:
        raise BrokenError("split", f"returns {len(parts)} parts, but must return {n}, one for each node")
    for node, part in enumerate(parts):
        if not isinstance(part, np.ndarray) or part.ndim != 1 or part.dtype.kind != "i":
            got = f"{part.dtype} {list(part.shape)}" if isinstance(part, np.ndarray) else f"a {type(part).__name__}"
            raise BrokenError("split", f"returns {got} for node {node}, but must return a numpy array of indices [m]")
        if len(part) and not (part.min() >= 0 and part.max() < len(labels)):
            found = f"{part.min()} to {part.max()}"
            raise BrokenError(
                "split", f"returns indices {found} for node {node}, but must be from 0 to {len(labels) - 1}"
            )
    return parts


def gives_each_sample_to_one_node(partition: Partition, labels: Index = LABELS, n: int = NODES) -> None:
    """Gives each node its samples, and no sample twice."""
    for seed in SEEDS:
        everything = np.concatenate(parts_of(partition, seed, labels, n))
        samples, counts = np.unique(everything, return_counts=True)
        if (counts > 1).any():
            sample = samples[counts > 1][0]
            raise BrokenError(
                "split", f"gives sample {sample} out {counts.max()} times, but must give it to one node at most"
            )


def leaves_the_labels_untouched(partition: Partition, labels: Index = LABELS, n: int = NODES) -> None:
    """Changes no label in place."""
    given = labels.copy()
    with calling("split"):
        partition.split(given, n, np.random.default_rng(0))
    if not np.array_equal(given, labels):
        raise BrokenError("split", "changes the labels in place")


def repeats_itself(partition: Partition, labels: Index = LABELS, n: int = NODES) -> None:
    """Splits alike by the same random numbers."""
    for seed in SEEDS:
        first, second = (parts_of(partition, seed, labels, n) for _ in range(2))
        if not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True)):
            raise BrokenError("split", "splits otherwise by the same random numbers")


def draws_from_the_stream_that_it_gets(partition: Partition, labels: Index = LABELS, n: int = NODES) -> None:
    """Leaves the global random state of torch, numpy and Python alone."""
    with leaves_global_random_state("split"):
        parts_of(partition, 0, labels, n)


def fills_a_batch_at_each_node(partition: Partition, labels: Index = LABELS, n: int = NODES) -> None:
    """Some draw gives each node a batch of 4 samples to train on, and a sample to validate with where it holds some out."""
    for validation in {0.0, 0.2, partition.validation}:
        try:
            holdings = divide(partition.model_copy(update={"validation": validation}), labels, n, batch_size=4, seed=3)
        except ConfigError as error:
            raise BrokenError("split", f"gives some node too little in every draw: {error}") from error
        if len(holdings) != n:
            raise BrokenError("split", f"gives {len(holdings)} nodes something, but must give it to {n}")


def views_images_as_images(partition: Partition, labels: Index = LABELS, n: int = NODES) -> None:
    """Where nodes see images in a way of their own: the same one each time, of the same shape, and the images stay as they are."""
    with calling("check"):
        partition.check(Sample((1, 8, 8)))
    images = torch.rand(2, 3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    for method in ("view", "test_view"):
        for node in range(n):
            with calling(method):
                first, second = (getattr(partition, method)(node, 0) for _ in range(2))
                seen = images if first is None else first(images)
            if first != second:
                raise BrokenError(method, f"of node {node} differs from itself; views that do the same must be equal")
            if seen.shape != images.shape or seen.dtype != images.dtype:
                got, must = f"{list(seen.shape)} of {seen.dtype}", f"{list(images.shape)} of {images.dtype}"
                raise BrokenError(method, f"of node {node} shows {got}, but must show {must}")
            if not torch.equal(images, before):
                raise BrokenError(method, f"of node {node} changes the images in place")


CONTRACTS: tuple[Contract[Partition], ...] = contracts(
    is_a_frozen_record,
    gives_each_sample_to_one_node,
    leaves_the_labels_untouched,
    repeats_itself,
    draws_from_the_stream_that_it_gets,
    fills_a_batch_at_each_node,
    views_images_as_images,
)


def check_partition(partition: Partition, *, labels: Index = LABELS, n: int = NODES) -> None:
    """Checks a partition against every contract of partitions.

    - `partition`: an instance
    - `labels` [N], `n`: what is split, and over how many nodes; by default 600 samples in ten classes, or of ten users, over
      seven nodes

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> class Dealt(Partition):
    ...     def split(self, labels, n, rng):
    ...         return [np.arange(node, len(labels), n) for node in range(n)]
    >>> check_partition(Dealt())
    >>> class Shared(Partition):
    ...     def split(self, labels, n, rng):
    ...         return [np.arange(len(labels))] * n
    >>> check_partition(Shared())
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: Shared.split: gives sample 0 out 7 times, but must give it to one node at most
    Shared: raises RuleError: ...
    """
    check_all(Partition, CONTRACTS, partition, labels=labels, n=n)
