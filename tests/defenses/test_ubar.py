"""UBAR: stage 1 by distance, stage 2 by loss, and a fall-back."""

import math

import numpy as np
import pytest
import torch
from helpers import aggregate, chosen, make_inbox, one_node, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError
from byzdl.defenses.ubar import Ubar

UBAR = Ubar(name="ubar")


def test_both_stages_by_hand():
    # |N| = 5, rho = 0.4: stage 1 keeps ceil(2.0) = 2, the nearest to 0: -1 and 2. Of these only
    # the model at 2 has a loss (0.5) at most the own (1.0). The best of all losses, 0.1 at 9, is too far.
    inbox = one_node(0, [9, -1, 5, 2, -7], own_loss=1.0, losses=[0.1, 1.5, 0.2, 0.5, 0.3])
    mix = aggregate(UBAR, inbox)
    assert selected(mix) == [3]
    assert mix.models.item() == 1  # (0 + 2) / 2
    assert not mix.fallback.any()


@pytest.mark.parametrize(
    ("neighbours", "rho", "kept"),
    [
        (1, 0.4, 1),  # 0.4 up
        (2, 0.4, 1),  # 0.8 up
        (3, 0.4, 2),  # 1.2 up: rounding to the nearest, or down, would keep 1
        (4, 0.4, 2),  # 1.6 up
        (5, 0.4, 2),  # 2 exactly
        (6, 0.4, 3),  # 2.4 up
        (10, 0.3, 3),  # 0.3 * 10 is 3 exactly
        (30, 0.1, 3),  # 3 exactly, though floats say 3.0000000000000004
        (5, 1.0, 5),
    ],
)
def test_stage_1_keeps_a_share_rounded_up(neighbours, rho, kept):
    # All losses are as good as the own: what is selected is what stage 1 kept, the nearest from the left on.
    distances = [float(j + 1) for j in range(neighbours)]
    inbox = one_node(0, distances, own_loss=1.0, losses=[1.0] * neighbours)
    assert selected(aggregate(Ubar(name="ubar", rho=rho), inbox)) == list(range(kept))


def test_stage_2_lets_an_equal_loss_pass():
    # Kept: the 2 nearest of 4. The first has exactly the own loss, the second lies a hair above.
    inbox = one_node(0, [1, 2, 3, 4], own_loss=0.5, losses=[0.5, 0.50001, 0.0, 0.0])
    assert selected(aggregate(UBAR, inbox)) == [0]


def test_all_that_pass_are_averaged():
    # Kept: 2 and 4, both better than the own model: 0.5 * 0 + 0.5 * 3.
    inbox = one_node(0, [2, 4, 50, 60], own_loss=1.0, losses=[0.9, 0.1, 0.1, 0.1])
    assert aggregate(UBAR, inbox).models.item() == 1.5


def test_uniformly_each_weighs_as_much_as_the_own_model():
    # Kept: 2 and 4, both pass: (0 + 2 + 4) / 3. At 60 alone nobody is kept but a model worse than its own: (0 + 60) / 2.
    rule = Ubar(name="ubar", alpha="uniform")
    mix = aggregate(rule, one_node(0, [2, 4, 50, 60], own_loss=1.0, losses=[0.9, 0.1, 0.1, 0.1]))
    assert mix.models.item() == 2
    torch.testing.assert_close(mix.weights, torch.tensor([[1 / 3, 1 / 3, 0, 0]]))
    assert aggregate(rule, one_node(0, [60], own_loss=1.0, losses=[2.0])).models.item() == 30
    assert aggregate(rule, one_node(7, [60], own_loss=1.0, losses=[math.inf])).models.item() == 7


@pytest.mark.parametrize(
    ("neighbours", "rho", "kept"),
    [
        (1, 0.4, 1),  # 0.4 down is 0, and one is kept all the same
        (3, 0.4, 1),  # 1.2 down
        (4, 0.4, 1),  # 1.6 down
        (5, 0.4, 2),  # 2 exactly
        (100, 0.29, 29),  # 29 exactly, though floats say 28.999999999999996
    ],
)
def test_stage_1_may_round_down(neighbours, rho, kept):
    inbox = one_node(0, [float(j + 1) for j in range(neighbours)], own_loss=1.0, losses=[1.0] * neighbours)
    assert selected(aggregate(Ubar(name="ubar", rho=rho, rounding="down"), inbox)) == list(range(kept))


def test_stage_2_lets_pass_what_is_within_the_tolerance():
    inbox = one_node(0, [1, 2, 3], own_loss=1.0, losses=[1.25, 1.26, 0.5])
    assert selected(aggregate(Ubar(name="ubar", rho=1.0, tolerance=0.25), inbox)) == [0, 2]
    assert selected(aggregate(Ubar(name="ubar", rho=1.0), inbox)) == [2]


def test_the_fall_back_may_be_the_nearest_whose_loss_is_finite():
    # Kept: 1, 2 and -3 of 7; all are worse than the own 1.0. The nearest has a loss that is not finite, the third the least.
    rule = Ubar(name="ubar", fallback="nearest")
    inbox = one_node(0, [1, 2, -3, 30, 40, 50, 60], own_loss=1.0, losses=[math.inf, 2.0, 1.5, 0.1, 0.1, 0.1, 0.1])
    mix = aggregate(rule, inbox)
    assert selected(mix) == [1]
    assert mix.fallback.tolist() == [True]
    # What passes goes before what is near.
    assert selected(aggregate(rule, one_node(0, [1, 2, 9, 9], own_loss=1.0, losses=[2.0, 0.5, 0.1, 0.1]))) == [1]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"alpha": "half"}, "defense.alpha is 'half', but must be a number in [0, 1], or uniform"),
        ({"alpha": 1.5}, "defense.alpha is 1.5, but must be a number in [0, 1], or uniform"),
        ({"rounding": "nearest"}, "defense.rounding is 'nearest', but must be one of 'up' or 'down'"),
        ({"tolerance": -0.02}, "defense.tolerance is -0.02, but must be a number, at least 0"),
        ({"fallback": "own"}, "defense.fallback is 'own', but must be one of 'least_loss' or 'nearest'"),
    ],
)
def test_wrong_choices_are_refused(keys, says):
    with pytest.raises(ConfigError) as error:
        chosen("defense", "ubar", **keys)
    assert str(error.value) == says


def test_if_none_passes_the_least_loss_of_stage_1_is_taken():
    # Kept: 1 and 2 of 4; both are worse than the own 1.0, and 2 (at 1.5) is the better one. The models
    # farther away have still less loss, but stage 1 has dropped them.
    inbox = one_node(0, [1, 2, 30, 40], own_loss=1.0, losses=[2.0, 1.5, 0.1, 1.2])
    mix = aggregate(UBAR, inbox)
    assert selected(mix) == [1]
    assert mix.fallback.tolist() == [True]
    assert mix.models.item() == 1


def test_the_fall_back_takes_the_left_of_equals():
    inbox = one_node(0, [1, -1, 9, 9], own_loss=1.0, losses=[2.0, 2.0, 0.1, 0.1])
    assert selected(aggregate(UBAR, inbox)) == [0]


def test_stage_1_takes_the_left_of_equally_near():
    inbox = one_node(0, [3, -1, 1], own_loss=1.0, losses=[0.5, 0.5, 0.5])
    assert selected(aggregate(Ubar(name="ubar", rho=0.3), inbox)) == [1]


def test_a_loss_that_is_not_finite_is_never_selected_not_even_by_the_fall_back():
    inbox = one_node(5, [5, 6], own_loss=1.0, losses=[math.inf, math.nan])
    mix = aggregate(Ubar(name="ubar", rho=1.0), inbox)
    assert selected(mix) == []
    assert mix.models.item() == 5
    assert not mix.fallback.any()  # nothing was chosen by it


def test_a_model_that_is_not_finite_counts_as_a_neighbour_but_is_not_kept():
    # |N| = 4, ceil(1.6) = 2: of the finite models at 3, 1 and 2 the two nearest.
    inbox = one_node(0, [math.nan, 3, 1, 2], own_loss=1.0, losses=[0.0, 0.5, 0.5, 0.5])
    assert selected(aggregate(UBAR, inbox)) == [2, 3]


def test_distance_is_euclidean():
    # From the origin: ||(3, 3)|| = 4.24 is nearer than ||(5, 0)|| = 5; by the sum of absolute
    # values (6 against 5) it would be farther.
    inbox = one_node([0, 0], [[5, 0], [3, 3]], own_loss=1.0, losses=[0.5, 0.5])
    assert selected(aggregate(UBAR, inbox)) == [1]


def test_only_stage_1_is_evaluated():
    """Losses are the dear part: a model that stage 1 dropped costs none."""
    inbox = one_node(0, [1, 2, 3, 4, 5], own_loss=1.0, losses=[1.0] * 5)
    aggregate(UBAR, inbox)
    assert sorted(inbox.loss_of.asked) == [(0, 0), (0, 1), (0, 2)]


# Distinct distances from distinct positions: no ties, which two implementations may break differently.
positions = st.lists(st.integers(1, 40), min_size=1, max_size=8, unique=True)


@given(positions, st.data(), st.sampled_from([0.2, 0.4, 0.7, 1.0]))
def test_it_agrees_with_a_brute_force(distances, data, rho):
    count = len(distances)
    signs = data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=count, max_size=count))
    losses = data.draw(st.lists(st.integers(0, 20), min_size=count, max_size=count, unique=True))
    models = np.array(distances) * np.array(signs)
    own_loss = 8.0
    # By hand: sort by distance, walk from the nearest on.
    order = sorted(range(count), key=lambda j: abs(models[j]))
    kept = order[: int(np.ceil(round(rho * count, 9)))]
    good = [j for j in kept if losses[j] <= own_loss]
    expected = sorted(good or [min(kept, key=lambda j: losses[j])])
    inbox = one_node(0, models.tolist(), own_loss=own_loss, losses=[float(v) for v in losses])
    mix = aggregate(Ubar(name="ubar", rho=rho), inbox)
    assert selected(mix) == expected
    assert mix.fallback.item() == (not good)
    assert mix.models.item() == pytest.approx(0.5 * np.mean([models[j] for j in expected]), rel=1e-5)


@given(positions, st.integers(-500, 500), st.sampled_from([0.25, 4.0]))
def test_it_moves_and_stretches_with_the_models(distances, shift, factor):
    # The loss of the first is the own one, all others are worse: losses do not move with the models.
    losses = [float(j) for j in range(len(distances))]
    rule = Ubar(name="ubar", alpha=0.5)
    plain = aggregate(rule, one_node(0, [float(v) for v in distances], own_loss=0.0, losses=losses))
    moved = aggregate(rule, one_node(shift, [v * factor + shift for v in distances], own_loss=0.0, losses=losses))
    assert selected(moved) == selected(plain)
    assert moved.models.item() == pytest.approx(plain.models.item() * factor + shift, rel=1e-5, abs=1e-4)


def test_every_learner_has_its_own_share():
    # Learner 0: 2 of 3 (ceil 1.2). Learner 1: 1 of 1. Learner 2: nobody.
    inbox = make_inbox(
        [0, 10, 20],
        [[1, 2, 3], [18], []],
        own_losses=[1.0, 1.0, 1.0],
        losses=[[0.5, 0.5, 0.5], [0.5], []],
    )
    mix = aggregate(UBAR, inbox)
    assert [selected(mix, i) for i in range(3)] == [[0, 1], [0], []]
    torch.testing.assert_close(mix.models.flatten(), torch.tensor([0.75, 14.0, 20.0]))
