"""Max, eq. 8: minus the coordinate-wise maximum over all benign models."""

import torch
from helpers import delivered, vectors, view
from hypothesis import given
from hypothesis import strategies as st

from byzdl.attacks.max import Max

MAX = Max(name="max", br=0.3)


def test_every_coordinate_is_minus_the_largest_benign_value():
    # Coordinate 0: max(1, -2, 0) = 1. Coordinate 1: max(-5, -3, -4) = -3. Coordinate 2: max(2, 8, 8) = 8.
    seen = view([[1, -5, 2], [-2, -3, 8], [0, -4, 8]])
    assert delivered(MAX, seen).tolist() == [[-1, 3, -8]]


def test_it_is_no_maximum_of_absolute_values():
    # |-9| > |1|, and yet the largest value is 1: absolute values or a minus inside would give 9 or -9.
    assert delivered(MAX, view([[-9], [1]])).tolist() == [[-1]]


def test_every_attacker_sends_the_same_to_every_victim():
    seen = view([[1, 2], [3, 0]], byzantine=2, attacker=[0, 1, 0], victim=[4, 4, 7])
    assert delivered(MAX, seen).tolist() == [[-3, -2]] * 3


def test_the_models_before_the_local_step_play_no_part():
    assert delivered(MAX, view([[1], [2]], previous=[[100], [200]])).tolist() == [[-2]]


@given(st.lists(st.lists(st.integers(-99, 99), min_size=2, max_size=2), min_size=1, max_size=5), st.integers(-99, 99))
def test_a_shift_of_all_models_shifts_it_the_other_way(benign, shift):
    # -max(x + c) = -max(x) - c; integers are exact in float32.
    moved = vectors(benign) + shift
    assert torch.equal(delivered(MAX, view(moved.tolist())), delivered(MAX, view(benign)) - shift)
