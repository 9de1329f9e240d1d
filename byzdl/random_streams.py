"""Random streams by key, so that no choice changes the random numbers of another one.

A stream's key is (seed, purpose, node, round). The Byzantine set, the graph, the partition and the mini-batches of a
seed are therefore the same under every defense and attack, and runs can be compared in pairs.
"""

import zlib

import numpy as np


def stream(seed: int, purpose: str, *key: int) -> np.random.Generator:
    """Returns the random generator of a purpose and a key (a node, a round, a draw).

    >>> stream(0, "batches", 3).random() == stream(0, "batches", 3).random()
    True
    >>> stream(0, "batches", 3).random() == stream(0, "batches", 4).random()
    False
    """
    return np.random.Generator(np.random.Philox(_sequence(seed, purpose, key)))


def torch_seed(seed: int, purpose: str, *key: int) -> int:
    """Returns a 63-bit seed for a `torch.Generator`, from the same family of streams.

    >>> torch_seed(0, "model")
    4315024886209773960
    """
    return int(_sequence(seed, purpose, key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _sequence(seed: int, purpose: str, key: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *key])
