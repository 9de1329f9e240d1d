"""Inner product manipulation: -epsilon times the mean of the benign models' updates."""

import pytest
import torch
from helpers import delivered, vectors, view
from hypothesis import given
from hypothesis import strategies as st

from byzdl.attacks.ipm import Ipm


def test_on_updates_the_mean_step_is_reversed_from_where_the_models_were():
    # x^t: (0, 10), (2, 30): mean (1, 20). x^{t+1/2}: (4, 10), (2, 50): mean (3, 30).
    # The mean update is (2, 10); with epsilon 0.5: (1, 20) - 0.5 (2, 10) = (0, 15).
    seen = view([[4, 10], [2, 50]], previous=[[0, 10], [2, 30]])
    attack = Ipm(name="ipm", br=0.3, epsilon=0.5, of="updates")
    assert delivered(attack, seen).tolist() == [[0, 15]]


def test_updates_are_the_default_as_in_the_paper_on_gradients():
    seen = view([[4.0]], previous=[[2.0]])
    # 2 - 0.25 * (4 - 2) = 1.5; on models it would be -0.25 * 4 = -1.
    assert delivered(Ipm(name="ipm", br=0.3, epsilon=0.25), seen).item() == 1.5


def test_on_models_the_mean_model_is_reversed():
    # The mean of (4, 10) and (2, 50) is (3, 30); times -0.5 it is (-1.5, -15), wherever they came from.
    seen = view([[4, 10], [2, 50]], previous=[[0, 10], [2, 30]])
    attack = Ipm(name="ipm", br=0.3, epsilon=0.5, of="models")
    assert delivered(attack, seen).tolist() == [[-1.5, -15]]


def test_one_message_for_all():
    seen = view([[4.0], [8.0]], previous=[[0.0], [0.0]], byzantine=2, attacker=[0, 0, 1], victim=[1, 2, 1])
    # mean 6, epsilon 0.5: 0 - 3
    assert delivered(Ipm(name="ipm", br=0.3, epsilon=0.5), seen).tolist() == [[-3.0]] * 3


@given(
    st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=1, max_size=5),
    st.integers(-99, 99),
)
@pytest.mark.parametrize("epsilon", [0.1, 1.1])
def test_on_updates_it_moves_with_the_models(epsilon, steps, shift):
    """Updates do not change when all models move, before and after alike: the message moves with them."""
    before, after = vectors([float(a) for a, _ in steps]), vectors([float(b) for _, b in steps])
    attack = Ipm(name="ipm", br=0.3, epsilon=epsilon)
    here = delivered(attack, view(after.tolist(), previous=before.tolist()))
    there = delivered(attack, view((after + shift).tolist(), previous=(before + shift).tolist()))
    torch.testing.assert_close(there, here + shift, rtol=1e-4, atol=1e-3)
