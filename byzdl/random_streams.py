"""Random streams, keyed so that no choice moves another's numbers.

A stream is named by (seed, purpose, node, round): the Byzantine set, the graph,
the partition and the mini-batches of a seed are the same under every defense and
every attack, and runs can be compared in pairs.
"""

import zlib

import numpy as np


def stream(seed: int, purpose: str, *key: int) -> np.random.Generator:
    """The random generator of `purpose` at `key` (a node, a round, a draw)."""
    return np.random.Generator(np.random.Philox(_sequence(seed, purpose, key)))


def torch_seed(seed: int, purpose: str, *key: int) -> int:
    """A 63-bit seed for a `torch.Generator`, from the same family of streams."""
    return int(_sequence(seed, purpose, key).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _sequence(seed: int, purpose: str, key: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), *key])
