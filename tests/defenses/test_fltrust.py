"""FLTrust: updates at the own one's length, weighted by their cosine with it."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.fltrust import Fltrust

RULE = Fltrust(name="fltrust")


def inbox_of(own, received, before):
    return dataclasses.replace(one_node(own, received), before=torch.tensor([before], dtype=torch.float32))


def test_by_hand():
    # From (1, 1), updates of (5, 0), (3, 4), (-1, 9), (0, 9): cosines of 0.6, -0.1 and 0. Trust 0.6 in the first, at
    # length 5: (3, 4). The mean is ((5, 0) + 0.6 (3, 4)) / 1.6.
    mix = aggregate(RULE, inbox_of([6, 1], [[4, 5], [0, 10], [1, 10]], before=[1, 1]))
    assert selected(mix) == [0]
    assert mix.models[0].tolist() == pytest.approx([1 + 6.8 / 1.6, 1 + 2.4 / 1.6])


@given(st.integers(1, 9), st.integers(0, 99))
def test_it_agrees_with_the_papers_sums(neighbours, seed):
    models, before = random_models(1 + neighbours, 6, seed=seed), random_models(1, 6, seed=seed + 1)[0]
    mix = aggregate(RULE, inbox_of(models[0].tolist(), models[1:].tolist(), before.tolist()))
    u = (models - before).double().numpy()
    trust = [max(0.0, float(np.dot(x, u[0]) / np.linalg.norm(x) / np.linalg.norm(u[0]))) for x in u]
    total = sum(t * np.linalg.norm(u[0]) / np.linalg.norm(x) * x for t, x in zip(trust, u, strict=True))
    np.testing.assert_allclose(mix.models[0], before.double().numpy() + total / sum(trust), rtol=1e-4, atol=1e-5)
    # No step is longer than the own one.
    assert np.linalg.norm(mix.models[0].double() - before.double()) <= np.linalg.norm(u[0]) + 1e-5


def test_lengths_play_no_part():
    own, other = random_models(2, 50)
    mixes = [
        aggregate(RULE, inbox_of((10 + own).tolist(), [(10 + c * (own + 0.5 * other)).tolist()], before=[10.0] * 50))
        for c in (1.0, 1e-3, 1e30)
    ]
    for mix in mixes[1:]:
        assert selected(mix) == [0]
        torch.testing.assert_close(mix.models, mixes[0].models, rtol=1e-4, atol=1e-3)


def test_against_its_way_or_across_it_a_node_learns_alone():
    mix = aggregate(RULE, inbox_of([2, 0.1], [[-5, -0.25], [-0.1, 2], [0, 0]], before=[0, 0]))
    assert selected(mix) == []
    assert torch.equal(mix.models, torch.tensor([[2, 0.1]]))


def test_without_an_own_update_nobody_is_trusted():
    assert selected(aggregate(RULE, inbox_of([2, 1], [[3, 1], [2, 1]], before=[2, 1]))) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_has_no_trust(value):
    mix = aggregate(RULE, inbox_of([2, 0], [[value, 0], [1, 0]], before=[0, 0]))
    assert selected(mix) == [1]
    assert mix.models[0].tolist() == [2, 0]
    lost = aggregate(RULE, inbox_of([value, 0], [[1, 0]], before=[0, 0]))
    assert selected(lost) == []
    assert not lost.models[0, 0].isfinite()


def test_each_node_starts_from_its_own_model():
    inbox = make_inbox([[2, 0], [2, 0]], [[[4, 4]], [[4, 4]]])
    inbox = dataclasses.replace(inbox, before=torch.tensor([[0.0, 0.0], [4.0, 0.0]]))
    # (2, 0) and (4, 4) from 0: a cosine of sqrt(1/2). From (4, 0), (-2, 0) and (0, 4) are at a right angle.
    mix = aggregate(RULE, inbox)
    assert [selected(mix, i) for i in range(2)] == [[0], []]
