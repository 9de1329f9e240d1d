"""DnC: outliers along the direction of largest variance of random coordinates are dropped."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses import dnc as module
from byzdl.defenses.dnc import Dnc


def dnc(f, **keys):
    return Dnc(name="dnc", f=f, **keys)


def brute_force(x, draws, stay):
    """Who is never dropped, by singular vectors of models [n, d] in drawn coordinates."""
    left = set(range(len(x)))
    for coordinates in draws:
        centred = x[:, coordinates] - x[:, coordinates].mean(0)
        direction = np.linalg.svd(centred, full_matrices=False)[2][0]
        left &= set(np.argsort(np.abs(centred @ direction), kind="stable")[:stay].tolist())
    return sorted(left)


def test_by_hand():
    # The mean is 0, and the scatter matrix diagonal, of 50 and 24. So the first axis is the direction, and the squares
    # along it are 0, 36, 1, 4 and 9. By distance from the mean, (-1, 4) is farther out than (-3, 0).
    inbox = one_node([0, -2], [[6, 0], [-1, 4], [-2, -2], [-3, 0]])
    assert [selected(aggregate(dnc(f), inbox)) for f in range(3)] == [[0, 1, 2, 3], [1, 2, 3], [1, 2]]
    assert aggregate(dnc(2), inbox).models[0].tolist() == pytest.approx([-1, 0], abs=1e-6)


def test_a_part_of_a_model_is_rounded_up():
    # The mean is 3.6, and the squares are 0.4, 6.8, 0.2, 13 and 41.
    inbox = one_node(3, [1, 4, 0, 10])
    assert selected(aggregate(dnc(1), inbox)) == [0, 1, 2]
    assert selected(aggregate(dnc(1, c=1.2), inbox)) == [0, 1]
    assert selected(aggregate(dnc(2, c=0.5), inbox)) == [0, 1, 2]
    assert selected(aggregate(dnc(2), inbox)) == [0, 1]
    assert aggregate(dnc(2), inbox).models.item() == pytest.approx(8 / 3)


def test_what_is_not_finite_is_dropped_first():
    assert selected(aggregate(dnc(1), one_node(0, [math.nan, 5, 100]))) == [1, 2]
    assert selected(aggregate(dnc(2), one_node(0, [math.inf, 5, 100]))) == [1]
    assert aggregate(dnc(1), one_node(math.nan, [1, 2, 3])).models.isnan().all()


@given(st.integers(2, 10), st.integers(0, 5), st.integers(1, 9), st.integers(0, 99))
def test_it_agrees_with_singular_vectors(neighbours, f, coordinates, seed):
    models = random_models(1 + neighbours, 8, seed=seed)
    inbox = one_node(models[0].tolist(), models[1:].tolist())
    draws = [range(8)] if coordinates >= 8 else module._drawn(0, 0, (0,), 3, coordinates, 8)[0].numpy()
    x = models.double().numpy()
    left = brute_force(x, draws, max(1 + neighbours - f, 1)) or [0]
    found = aggregate(dnc(f, coordinates=coordinates, iterations=3), inbox).models[0]
    np.testing.assert_allclose(found, x[left].mean(0), rtol=1e-5, atol=1e-6)


def test_nobody_left_is_the_own_model():
    """In each coordinate another model is the outlier, so with one coordinate a draw all are dropped in the end."""
    inbox = one_node([9, 0, 0], [[0, 9, 0], [0, 0, 9]])
    mix = aggregate(dnc(1, coordinates=1, iterations=30), inbox)
    assert selected(mix) == []
    assert mix.models[0].tolist() == [9, 0, 0]


def test_coordinates_are_drawn_for_each_node_and_round():
    models = random_models(6, 200).tolist()
    both = make_inbox([models[0]] * 2, [models[1:]] * 2)

    def kept(inbox):
        return aggregate(dnc(1, coordinates=5, iterations=2), inbox).selected.tolist()

    later = [kept(dataclasses.replace(both, round=t)) for t in range(12)]
    assert any(first != second for first, second in later)
    assert any(one != later[0] for one in later)
    # A node's draws do not depend on who else is there.
    alone = dataclasses.replace(one_node(models[0], models[1:]), nodes=(1,))
    assert kept(alone)[0] == later[0][1]
    drawn = module._drawn(0, 0, (0, 1), 2, 5, 200)
    assert all(len(set(one.tolist())) == 5 for one in drawn.flatten(0, 1))


@pytest.mark.parametrize("lie", [1e6, 1e30, -3e38])
def test_liars_far_away_are_dropped(lie):
    benign = random_models(6, 30)
    received = [[lie] * 30, *benign[1:].tolist(), [lie] * 30]
    mix = aggregate(dnc(2, coordinates=10), one_node(benign[0].tolist(), received))
    assert selected(mix) == [1, 2, 3, 4, 5]
    torch.testing.assert_close(mix.models[0], benign.mean(0))
