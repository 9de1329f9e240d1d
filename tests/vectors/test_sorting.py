from itertools import product

import pytest
import torch

from byzdl.vectors.sorting import MOST_ROWS, ascending, comparisons


@pytest.mark.parametrize("count", range(1, 12))
def test_a_network_that_sorts_all_zeros_and_ones_sorts_everything(count):
    # D. E. Knuth, The Art of Computer Programming 3, theorem 5.3.4 Z.
    every = torch.tensor(list(product((0.0, 1.0), repeat=count)))
    assert torch.equal(torch.stack(tuple(ascending(every.T.clone())), dim=1), every.sort(dim=1).values)


@pytest.mark.parametrize("count", [13, 16, 31, 50])
def test_values_come_in_order_each_as_it_was(count):
    values = torch.randn(count, 3, 40, generator=torch.Generator().manual_seed(count))
    values[::3] = values[1:2]
    values[-1, 0], values[0, 1] = torch.inf, -torch.inf
    expected = values.sort(dim=0).values
    assert torch.equal(torch.stack(tuple(ascending(values))), expected)


def test_it_compares_as_often_as_batchers_network_does():
    # (log2(n)^2 - log2(n) + 4) n / 4 - 1 of n = 2^t values.
    assert [len(comparisons(n)) for n in (1, 2, 4, 8, 16, 32)] == [0, 1, 5, 19, 63, 191]


@pytest.mark.parametrize("count", [0, MOST_ROWS, MOST_ROWS + 1])
def test_none_and_many_are_sorted_too(count):
    values = torch.randn(count, 2, 3, generator=torch.Generator().manual_seed(0))
    expected = list(values.sort(dim=0).values)
    assert all(torch.equal(*pair) for pair in zip(ascending(values), expected, strict=True))
