"""Meamed: the mean of the values nearest to the median, in each coordinate."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.meamed import Meamed


def meamed(f):
    return Meamed(name="meamed", f=f)


@pytest.mark.parametrize(
    ("f", "mean"),
    [
        (0, 23),  # (5 + 8 + 4 + 6 + 92)/5
        (1, 5.75),  # the median is 6: without 92
        (2, 5),  # 6, 5, and 4, which is as near as 8 and smaller
        (3, 5.5),
        (4, 6),
    ],
)
def test_by_hand(f, mean):
    assert aggregate(meamed(f), one_node(5, [8, 4, 6, 92])).models.item() == pytest.approx(mean)


def test_an_even_number_has_the_mean_of_the_middle_two_for_median():
    # 0, 1, 5, 6: the median is 3. Nearest are 1 and 5, then 0 and 6 at the same distance.
    assert aggregate(meamed(1), one_node(0, [1, 5, 6])).models.item() == pytest.approx(2)
    assert aggregate(meamed(2), one_node(0, [1, 5, 6])).models.item() == pytest.approx(3)


def test_each_coordinate_and_each_learner_is_by_itself():
    inbox = make_inbox([[0, 9], [0, 9]], [[[1, 8], [9, 0]]] * 2, byzantine=[[False, False], [False, True]])
    assert aggregate(meamed("known"), inbox).models.tolist() == [
        pytest.approx([10 / 3, 17 / 3]),
        pytest.approx([0.5, 8.5]),
    ]


def test_what_is_not_finite_counts_as_one_of_the_f():
    assert aggregate(meamed(1), one_node(0, [math.nan, 1, 8])).models.item() == pytest.approx(3)
    assert aggregate(meamed(2), one_node(0, [math.inf, 1, 8])).models.item() == pytest.approx(0.5)
    assert aggregate(meamed(0), one_node(3, [math.inf])).models.item() == 3
    assert aggregate(meamed(1), one_node(math.nan, [1, 2, 3])).models.isnan().all()


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, seed):
    models = random_models(1 + neighbours, 5, seed=seed)
    x = np.sort(models.double().numpy(), axis=0)
    nearest = np.argsort(np.abs(x - np.median(x, axis=0)), axis=0, kind="stable")[: max(1 + neighbours - f, 1)]
    found = aggregate(meamed(f), one_node(models[0].tolist(), models[1:].tolist())).models[0]
    if f < neighbours or neighbours % 2 == 0:  # otherwise the middle two tie, by rounding
        np.testing.assert_allclose(found, np.take_along_axis(x, nearest, axis=0).mean(0), rtol=1e-5, atol=1e-6)
    else:
        assert (found.numpy() >= x[(neighbours - 1) // 2] - 1e-6).all()
        assert (found.numpy() <= x[(neighbours + 1) // 2] + 1e-6).all()


@pytest.mark.parametrize("lie", [1e30, -3e38])
def test_liars_leave_every_coordinate_within_the_benign(lie):
    benign = random_models(6, 50)
    model = aggregate(meamed(2), one_node(benign[0].tolist(), [*benign[1:].tolist(), [lie] * 50, [lie] * 50])).models[0]
    assert (model >= benign.amin(0)).all()
    assert (model <= benign.amax(0)).all()
    torch.testing.assert_close(model, benign.mean(0), rtol=0, atol=1.0)
