"""SketchGuard: balance on count sketches."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import aggregate, one_node, random_models, selected

from byzdl.defenses.balance import Balance
from byzdl.defenses.sketchguard import Sketchguard
from byzdl.random_streams import stream


def sketch(x, size, rng):
    """The signed sums of buckets, one parameter after another."""
    buckets, signs = rng.integers(0, size, len(x)), rng.integers(0, 2, len(x)) * 2.0 - 1.0
    sums = np.zeros(size)
    for value, bucket, sign in zip(x, buckets, signs, strict=True):
        sums[bucket] += sign * value
    return sums


def test_in_one_bucket_by_hand():
    # A single bucket: 3 and 4 are 7 or 1, up to the sign. The other models are its multiples by 1.25, 1.35 and -1.
    inbox = one_node([3, 4], [[3.75, 5], [4.05, 5.4], [-3, -4]])
    rule = Sketchguard(name="sketchguard", size=1, gamma=0.3)
    mix = aggregate(rule, inbox)
    assert selected(mix) == [0]
    assert mix.models[0].tolist() == [3.375, 4.5]


@pytest.mark.parametrize("size", [3, 20, 200])
def test_it_agrees_with_sums_one_after_another(size):
    x = random_models(30, 40).double().numpy()
    radius = 1.5 * math.exp(-2 * 4 / 10)
    inbox = dataclasses.replace(one_node(x[0].tolist(), x[1:].tolist()), seed=7, round=4, rounds=10)
    own, *others = (sketch(row, size, stream(7, "defense", 4)) for row in x)
    near = [j for j, s in enumerate(others) if np.linalg.norm(s - own) <= radius * np.linalg.norm(own)]
    rule = Sketchguard(name="sketchguard", size=size, gamma=1.5, kappa=2.0)
    assert selected(aggregate(rule, inbox)) == near
    if size == 3:
        assert 0 < len(near) < 29


def test_buckets_change_from_round_to_round_and_are_those_of_the_seed():
    x = random_models(40, 30)
    inbox = one_node(x[0].tolist(), x[1:].tolist())
    rule = Sketchguard(name="sketchguard", size=2, gamma=1.0, kappa=0.0)
    chosen = [tuple(selected(aggregate(rule, dataclasses.replace(inbox, round=t)))) for t in range(4)]
    assert len(set(chosen)) == 4
    assert tuple(selected(aggregate(rule, dataclasses.replace(inbox, round=2)))) == chosen[2]


def test_with_a_bucket_for_each_parameter_it_is_balance():
    x = random_models(9, 4)
    inbox = one_node(x[0].tolist(), x[1:].tolist())
    keys = {"gamma": 1.4, "alpha": 0.25}
    wide = aggregate(Sketchguard(name="sketchguard", size=100_000, **keys), inbox)
    exact = aggregate(Balance(name="balance", **keys), inbox)
    assert 0 < len(selected(exact)) < 8
    assert torch.equal(wide.models, exact.models)


def test_nobody_finite():
    rule = Sketchguard(name="sketchguard")
    assert selected(aggregate(rule, one_node(1, [2, math.nan, -math.inf]))) == []
    assert selected(aggregate(rule, one_node(math.nan, [1, 2]))) == []
