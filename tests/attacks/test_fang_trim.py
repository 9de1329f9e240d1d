"""Fang's attack on trimmed means, on cases done by hand."""

from dataclasses import replace

import pytest
import torch
from helpers import aggregate, chosen, delivered, make_inbox, view

# Before, all coordinates are 0 but the last one. Columns: rises above 0, rises below 0, falls above 0, falls below 0.
BEFORE = [[0.0, -9.0, 9.0, 0.0]] * 2
AFTER = [[2.0, -4.0, 2.0, -4.0], [6.0, -1.0, 6.0, -1.0]]


@pytest.mark.parametrize(
    ("b", "intervals"),
    [
        (2.0, [(1, 2), (-8, -4), (6, 12), (-1, -0.5)]),
        (4.0, [(0.5, 2), (-16, -4), (6, 24), (-1, -0.25)]),
        (1.0, [(2, 2), (-4, -4), (6, 6), (-1, -1)]),
    ],
)
def test_each_coordinate_is_drawn_beyond_the_benign_ones_against_their_progress(b, intervals):
    seen = view(AFTER, previous=BEFORE, byzantine=400, attacker=range(400), victim=[0] * 400)
    sent = delivered(chosen("attack", "fang_trim", b=b), seen)
    for column, (low, high) in enumerate(intervals):
        values = sent[:, column]
        assert values.min() >= low - 1e-6
        assert values.max() <= high + 1e-6
        if high > low:  # uniform, so that the mean of 400 is within four of its standard errors
            assert values.mean().item() == pytest.approx((low + high) / 2, abs=4 * (high - low) / 12**0.5 / 20)


def test_an_attacker_sends_its_model_to_all_and_draws_a_new_one_in_each_round():
    seen = view(AFTER, previous=BEFORE, byzantine=2, attacker=[0, 1, 0], victim=[0, 0, 1])
    attack = chosen("attack", "fang_trim")
    one, other, again = delivered(attack, seen)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert not torch.equal(one, delivered(attack, replace(seen, round=1))[0])


def test_where_the_mean_stays_it_counts_as_falling():
    sent = delivered(chosen("attack", "fang_trim", b=1.0), view([[1.0], [3.0]], previous=[[1.0], [3.0]]))
    assert sent.tolist() == [[3]]


def test_it_takes_a_trimmed_mean_to_the_benign_extreme():
    """Ten benign models of 1 to 10, the own one among them, and four attackers below them: 4 of each end are trimmed."""
    benign = [[float(i)] for i in range(1, 11)]
    seen = view(benign, previous=[[0.0]] * 10, byzantine=4, attacker=range(4), victim=[0] * 4)
    sent = delivered(chosen("attack", "fang_trim"), seen)
    received = [*benign[1:], *sent.tolist()]
    inbox = make_inbox([benign[0]], [received], byzantine=[[False] * 9 + [True] * 4])
    # The attackers' are trimmed below, and 7 to 10 above: the mean of 1 to 6 is 3.5, and not 5.5.
    assert aggregate(chosen("defense", "trimmed_mean"), inbox).models.tolist() == [[3.5]]
