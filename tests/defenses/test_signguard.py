"""SignGuard: filters on norms and on signs."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models, selected

from byzdl.defenses.signguard import Signguard, largest_cluster
from byzdl.random_streams import stream

WHOLE = Signguard(name="signguard", share=1.0)


def inbox_of(models, before=None, **run):
    inbox = one_node(models[0], models[1:])
    return dataclasses.replace(inbox, before=inbox.before if before is None else torch.tensor([before]), **run)


def test_by_hand():
    # Norms 5, 10, 5, 100, 5 and 0.1, the median is 5, so 100 and 0.1 do not pass. The signs of all are positive, but
    # for the fifth. 10 is clipped to 5.
    mix = aggregate(WHOLE, inbox_of([[3, 4], [6, 8], [4, 3], [60, 80], [-3, -4], [0.06, 0.08]]))
    assert selected(mix) == [0, 1]
    assert mix.models[0].tolist() == pytest.approx([10 / 3, 11 / 3])


def test_bounds_are_keys_and_part_of_the_range():
    models = [[4.0], [4.0], [8.0], [2.0], [9.0], [1.0]]  # the median is 4
    for lower, upper, chosen in ((0.5, 2.0, [0, 1, 2]), (0.51, 2.0, [0, 1]), (0.0, 2.25, [0, 1, 2, 3, 4])):
        rule = Signguard(name="signguard", lower=lower, upper=upper, share=1.0)
        assert selected(aggregate(rule, inbox_of(models))) == chosen


def test_signs_are_those_of_updates():
    # From (5, 5, 5, 5): three go up in three parameters and down in one, two the other way round.
    up, down = [6.0, 6.0, 6.0, 4.0], [4.0, 4.0, 4.0, 6.0]
    mix = aggregate(WHOLE, inbox_of([up, up, down, down, up], before=[5.0] * 4))
    assert selected(mix) == [0, 3]
    assert mix.models[0].tolist() == up


def test_parameters_that_stay_are_a_feature():
    # Half the signs positive and half negative; or a third of each, with a third of zeros.
    moving, half = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0], [1.0, -1.0, 0.0, 0.0, 1.0, -1.0]
    mix = aggregate(WHOLE, inbox_of([moving, half, moving, half, moving]))
    assert selected(mix) == [1, 3]


@pytest.mark.parametrize(("share", "width"), [(0.1, 2), (0.29, 5), (0.001, 1), (1.0, 20)])
def test_only_a_random_stretch_counts(share, width):
    """Two of five have other signs in a stretch alone, the one that is drawn."""
    start = int(stream(3, "defense", 6, 8).integers(0, 20 - width + 1))
    for shift in (0, width):  # the drawn one, and its neighbour
        others = torch.ones(20)
        others[np.arange(start + shift, start + shift + width) % 20] = -1.0
        models = [torch.ones(20).tolist()] * 3 + [others.tolist()] * 2
        rule = Signguard(name="signguard", share=share)
        mix = aggregate(rule, inbox_of(models, seed=3, round=6, nodes=(8,)))
        assert selected(mix) == ([0, 1] if shift == 0 or width == 20 else [0, 1, 2, 3])


def test_it_agrees_with_a_rebuild():
    for seed in range(6):
        crowd = 1.0 + random_models(8, 300, seed=seed)
        liars = 3 * random_models(3, 300, seed=seed + 50)
        x = torch.cat([crowd, liars]).double().numpy()
        mix = aggregate(WHOLE, inbox_of(x.tolist()))
        lengths, positive = np.linalg.norm(x, axis=1), (x > 0).mean(axis=1)
        # The crowd is some 84 percent positive, the liars half.
        passes = (positive > 0.7) & (lengths >= 0.1 * np.median(lengths)) & (lengths <= 3 * np.median(lengths))
        assert [0, *(1 + j for j in selected(mix))] == np.flatnonzero(passes).tolist() == list(range(8))
        clipped = x[passes] * np.minimum(1, np.median(lengths) / lengths[passes])[:, None]
        np.testing.assert_allclose(mix.models[0], clipped.mean(axis=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("clusters", "largest"),
    [
        ([0, 0, 1, 1, 1], [2, 3, 4]),
        ([1, 0, 0, 1], [0, 3]),  # among equals, the first point's
        ([2, 1, 0, 1, 0], [2, 4]),  # or the lowest number
        ([-1, -1, -1, 3], [3]),  # -1 is none
        ([-1, -1], []),
    ],
)
def test_the_largest_cluster_by_hand(clusters, largest):
    assert largest_cluster(torch.tensor([clusters]))[0].nonzero().flatten().tolist() == largest


def test_with_three_models_only_equal_signs_are_together():
    assert selected(aggregate(WHOLE, inbox_of([[2, 1, 0], [1, 2, 0], [1, 2, 3]]))) == [0]
    assert selected(aggregate(WHOLE, inbox_of([[2, 1, 0], [1, 2, -1], [1, 2, 3]]))) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_does_not_count(value):
    mix = aggregate(WHOLE, inbox_of([[3, 4], [value, 4], [4, 3], [value, value], [5, 12]]))
    assert selected(mix) == [1, 3]
    assert mix.models[0].tolist() == pytest.approx([(3 + 4 + 25 / 13) / 3, (4 + 3 + 60 / 13) / 3])
    assert not aggregate(WHOLE, inbox_of([[value, 4], [1, 1], [1, 1]])).models.isfinite().all()


def test_a_node_that_accepts_nobody_keeps_its_own_model():
    mix = aggregate(WHOLE, make_inbox([[0.1, 0.2], [3, 4]], [[[-1, -1]], []]))
    assert torch.equal(mix.models, torch.tensor([[0.1, 0.2], [3, 4]]))
