"""What every data set keeps to."""

import json
import tempfile

import numpy as np
import torch

from byzdl.data import Arrays, Dataset, load
from byzdl.data.arrays import checked
from byzdl.testing.compare import leaves_global_random_state
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record


def decoded(dataset: Dataset) -> Arrays:
    """The data set's arrays."""
    with calling("decode"):
        arrays = dataset.decode()
    if not isinstance(arrays, Arrays):
        raise BrokenError("decode", f"returns a {type(arrays).__name__}, but must return Arrays")
    return arrays


def decodes_to_inputs_and_targets(dataset: Dataset) -> None:
    """Decodes to inputs of a known kind and targets for each of them, to train and to test with."""
    arrays = decoded(dataset)
    if arrays.classes is not None and (not isinstance(arrays.classes, int) or arrays.classes < 2):
        takes = "an integer, at least 2, or None for a regression"
        raise BrokenError("decode", f"returns {arrays.classes!r} classes, but must return {takes}")
    with calling("decode"):
        checked(arrays)


def decodes_the_same_twice(dataset: Dataset) -> None:
    """Decodes the same bytes twice."""
    first, second = decoded(dataset), decoded(dataset)
    for name in Arrays._fields:
        if not np.array_equal(getattr(first, name), getattr(second, name)):
            raise BrokenError("decode", f"returns other {name} the second time; runs of one seed could not be compared")


def draws_from_streams_of_its_own(dataset: Dataset) -> None:
    """Leaves the global random state of torch, numpy and Python alone."""
    with leaves_global_random_state("decode"):
        decoded(dataset)


def knows_its_size(dataset: Dataset) -> None:
    """Where it tells the number of training samples without reading any, tells the true one."""
    with calling("train_size"):
        told = dataset.train_size
    if told is not None and told != (found := len(decoded(dataset).train_targets)):
        raise BrokenError("train_size", f"is {told}, but must be {found}, the number of training samples")


def signs_with_json(dataset: Dataset) -> None:
    """Its signature is JSON, and the same each time."""
    with calling("signature"):
        first, second = dict(dataset.signature()), dict(dataset.signature())
    try:
        texts = [json.dumps(one, sort_keys=True) for one in (first, second)]
    except (TypeError, ValueError) as error:
        raise BrokenError(
            "signature", f"returns what JSON cannot hold ({error}), but must return texts and numbers"
        ) from error
    if texts[0] != texts[1]:
        raise BrokenError("signature", f"is {texts[1]} the second time, but must be {texts[0]} again")


def signs_alike_wherever_its_cache_is(dataset: Dataset) -> None:
    """Its signature does not depend on where the cache is, nor on how many test samples are used."""
    other = dataset.model_copy(update={"cache": "elsewhere", "test_samples": 1})
    with calling("signature"):
        here, there = dict(dataset.signature()), dict(other.signature())
    if here != there:
        keys = sorted(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
        raise BrokenError("signature", f"holds {keys[0]}, but must be the same for each cache and test_samples")


def loads_from_its_cache(dataset: Dataset) -> None:
    """Is decoded into a cache once, and is the same when it is read from there."""
    with tempfile.TemporaryDirectory() as folder, calling("decode"):
        cached = dataset.model_copy(update={"cache": folder})
        first, second = load(cached), load(cached)
        if first.fingerprint != second.fingerprint:
            raise BrokenError("signature", "differs from load to load: the cache is of no use")
        inputs, _ = second.train.batch(torch.tensor([0]))
    if not inputs.isfinite().all():
        raise BrokenError("decode", "returns inputs that are not finite once they are standardised")


CONTRACTS: tuple[Contract[Dataset], ...] = contracts(
    is_a_frozen_record,
    decodes_to_inputs_and_targets,
    decodes_the_same_twice,
    draws_from_streams_of_its_own,
    knows_its_size,
    signs_with_json,
    signs_alike_wherever_its_cache_is,
    loads_from_its_cache,
)


def check_dataset(dataset: Dataset) -> None:
    """Checks a data set against every contract of data sets. It is decoded several times.

    - `dataset`: an instance

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> class Stripes(Dataset):
    ...     def signature(self):
    ...         return {}
    ...     def decode(self):
    ...         labels = np.arange(60) % 2
    ...         images = np.zeros((60, 4, 4, 1), np.uint8)
    ...         images[labels == 1, ::2] = 255
    ...         return Arrays(images[:40], labels[:40], images[40:], labels[40:], classes=2)
    >>> check_dataset(Stripes())
    >>> class Miscounted(Stripes):
    ...     @property
    ...     def train_size(self):
    ...         return 60
    >>> check_dataset(Miscounted())
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: Miscounted.train_size: is 60, but must be 40, the number of training samples
    """
    check_all(Dataset, CONTRACTS, dataset)
