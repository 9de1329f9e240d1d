"""A split that leaves a node too little says which node, how little, and which key to change."""

import re

import numpy as np
import pytest
from command_line import TINY
from hypothesis import given, settings
from hypothesis import strategies as st

import byzdl
import byzdl.data.partition as partition_module
from byzdl.config.types import ConfigError, RuleError
from byzdl.data import Dirichlet, Iid, LabelsPerNode, Partition, QuantitySkew, Shards, divide

LABELS = np.arange(60) % 2


@pytest.fixture(scope="module", autouse=True)
def few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition_module, "MAX_DRAWS", 10)
        yield


@pytest.mark.parametrize(
    ("partition", "n", "batch_size", "says"),
    [
        (Dirichlet(alpha=0.001), 4, 2, "partition.alpha is 0.001, but must be larger: .* node \\d+ has 0 of the 60 samples, and"),
        (QuantitySkew(beta=1e-5), 4, 2, "partition.beta is 1e-05, but must be larger: .* has 0 of the 60 samples"),
        (QuantitySkew(beta=1.0), 6, 10, r"batch_size is 10, but must be at most \d, .*; or make partition.beta larger"),
        (Shards(classes=100), 40, 1, "partition.classes is 100, but must be smaller: .* node \\d+ has 0 of the 60 samples"),
        (LabelsPerNode(classes=1), 5, 12, r"batch_size is 12, but must be at most 10, .*; or make partition.classes larger"),
        (Iid(), 61, 1, "topology.n is 61, but must be at most 60, the number of training samples"),
        (Iid(), 4, 16, "batch_size is 16, but must be at most 15, the training samples of a node when topology.n=4 nodes share"),
        (Iid(validation=0.99), 4, 2, "partition.validation is 0.99, but must be smaller: a node has 15 samples, holds out 15"),
        (Iid(validation=0.9), 4, 5, r"batch_size is 5, but must be at most 1, .* share the 60 samples and partition.validation=0.9"),
        (Iid(validation=0.01), 4, 2, "partition.validation is 0.01, but must be 0, or large enough .* has 15 of the 60"),
    ],
)  # fmt: skip
def test_too_small_a_share_names_the_node_and_the_key(partition, n, batch_size, says):
    with pytest.raises(ConfigError, match=f"^{says}"):
        divide(partition, LABELS, n, batch_size, seed=0)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("topology.n=241", "topology.n is 241, but must be at most 240, the number of training samples"),
        (
            "partition.validation=0.99",
            "partition.validation is 0.99, but must be smaller: a node has 40 samples, holds out 40",
        ),
    ],
)
def test_what_no_split_could_do_is_refused_before_data_are_read(override, says):
    with pytest.raises(ConfigError, match=f"^{re.escape(says)}"):
        byzdl.run(*TINY, override, progress=False)


def test_the_largest_alpha_is_an_even_split():
    sizes = [len(holding.train) for holding in divide(Dirichlet(alpha=1e308), LABELS, 4, 2, seed=0)]
    assert set(sizes) <= {14, 15, 16}


@settings(max_examples=25)
@given(
    alpha=st.sampled_from([1e-300, 1e-6, 0.01, 0.3, 10.0, 1e308]),
    n=st.integers(1, 12),
    batch_size=st.integers(1, 8),
    total=st.integers(1, 40),
    validation=st.sampled_from([0.0, 0.3, 0.95]),
)
def test_every_split_fills_its_batches_or_names_a_key_to_change(alpha, n, batch_size, total, validation):
    try:
        holdings = divide(Dirichlet(alpha=alpha, validation=validation), np.arange(total) % 3, n, batch_size, seed=1)
    except ConfigError as error:
        key, _, takes = re.match(r"([\w.]+) is (\S+), but must be ([^\n]+)$", str(error)).groups()
        assert key in ("partition.alpha", "partition.validation", "batch_size", "topology.n")
        assert "at most 0" not in takes
    else:
        assert min(len(holding.train) for holding in holdings) >= batch_size
        assert sum(len(holding.train) + len(holding.validation) for holding in holdings) == total


class Mine(Partition):
    """Returns what it is told to."""

    parts: object

    def split(self, labels, n, rng):
        return self.parts


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (None, "returns a NoneType, but must return 2 parts, one for each node"),
        ([[0]], "returns 1 parts, but must return 2 parts, one for each node"),
        ([[0.5], [1]], r"returns float64 \[1\] for node 0, but must return indices \[m\]"),
        ([[0], [60]], r"returns indices from 0 to 60, but must return some of 0 \.\. 59"),
        ([[0], [-1]], r"returns indices from -1 to 0, but must return some of 0 \.\. 59"),
        ([[0, 1], [1, 2]], "gives a sample out twice, but must give it to one node at most"),
        ([0, 1], r"returns \w+ for node 0, but must return indices \[m\]"),
    ],
)
def test_wrong_parts_of_a_class_of_ones_own_are_one_line(parts, says):
    with pytest.raises(RuleError, match=f"^test_small_shares.Mine.split: {says}$"):
        divide(Mine(parts=parts), LABELS, 2, 1, seed=0)


def test_a_class_of_ones_own_that_forgets_a_node_is_named():
    with pytest.raises(
        ConfigError, match=r"^partition is 'mine', but must be a split that gives each node a sample: .* node 1 has 0"
    ):
        divide(Mine(parts=[[0, 1], []]), LABELS, 2, 1, seed=0)
