"""All subsets of a few items, each tried once."""

from itertools import combinations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from byzdl.vectors.subsets import LARGEST, best_subset, members_first


@given(st.data())
def test_each_row_gets_the_best_of_its_own_subsets(data):
    count = data.draw(st.integers(1, 7))
    drops = data.draw(st.integers(0, count))
    width = data.draw(st.integers(count, 8))
    weights = torch.tensor(data.draw(st.lists(st.integers(-5, 5), min_size=width, max_size=width)))
    tried = []

    def score(kept):
        tried.extend(tuple(one.nonzero().flatten().tolist()) for one in kept[1])
        return ((kept * weights).sum(2) - 3).abs().double()

    # The second row is tried beside one with other sizes.
    found = best_subset(score, torch.tensor([width, count]), torch.tensor([1, drops]), width, most_drops=width)
    every = list(combinations(range(count), count - drops))
    assert set(every) <= set(tried)
    kept = found[1].nonzero().flatten().tolist()
    assert tuple(kept) in every
    assert abs(sum(weights[kept].tolist()) - 3) == min(abs(sum(weights[list(one)].tolist()) - 3) for one in every)


def test_of_equal_scores_the_first_items_are_dropped_so_the_right_ones_of_a_mask():
    members = torch.tensor([[True, True, False, True, True]])
    columns = members_first(members)
    assert columns.tolist() == [[4, 3, 1, 0, 2]]
    kept = best_subset(lambda kept: torch.zeros(kept.shape[:2]), torch.tensor([4]), torch.tensor([2]), 5, most_drops=2)
    assert columns[kept].tolist() == [1, 0]


@pytest.mark.parametrize("drops", [0, 1, LARGEST // 2])
def test_the_largest_pool_has_as_many_subsets_as_it_says(drops):
    tried = 0

    def score(kept):
        nonlocal tried
        tried += int((kept.sum(2) == LARGEST - drops).sum())
        return torch.zeros(kept.shape[:2])

    best_subset(score, torch.tensor([LARGEST]), torch.tensor([drops]), LARGEST, most_drops=drops)
    assert tried >= {0: 1, 1: 20, 10: 184_756}[drops]
