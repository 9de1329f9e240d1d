"""Distinct pairs of a learner and a model, and when the last ones may be used again."""

import torch

from byzdl.simulation.pairs import DistinctPairs

ROWS = torch.tensor([[0, 3, 3], [1, 3, 0]])
EVERY = torch.ones_like(ROWS, dtype=torch.bool)


def found(pairs, rows, wanted, m):
    one = pairs.of(rows, wanted, m)
    return list(zip(one.hosted, one.models.tolist(), strict=True)), one.place.tolist()


def test_a_model_that_several_neighbours_sent_is_a_pair_once():
    assert found(DistinctPairs(), ROWS, EVERY, 4) == ([(0, 0), (0, 3), (1, 0), (1, 1), (1, 3)], [0, 1, 1, 3, 4, 2])


def test_what_is_not_wanted_is_no_pair():
    wanted = torch.tensor([[True, False, False], [False, False, True]])
    assert found(DistinctPairs(), ROWS, wanted, 4) == ([(0, 0), (1, 0)], [0, 1])
    assert found(DistinctPairs(), ROWS, ~EVERY, 4) == ([], [])


def test_the_last_pairs_are_kept_until_anything_changes():
    pairs = DistinctPairs()
    first = pairs.of(ROWS, EVERY, 4)
    assert pairs.of(ROWS.clone(), EVERY.clone(), 4) is first
    assert found(pairs, ROWS, torch.tensor([[True] * 3, [False] * 3]), 4) == ([(0, 0), (0, 3)], [0, 1, 1])
    assert found(pairs, ROWS.flip(0), EVERY, 4)[0] == [(0, 0), (0, 1), (0, 3), (1, 0), (1, 3)]
    # Row 7 of 8 models at learner 1 and row 6 of 9 have the same key, 15.
    one, other = torch.tensor([[0], [7]]), torch.tensor([[0], [6]])
    both = torch.tensor([[False], [True]])
    assert found(pairs, one, both, 8) == ([(1, 7)], [0])
    assert found(pairs, other, both, 9) == ([(1, 6)], [0])
