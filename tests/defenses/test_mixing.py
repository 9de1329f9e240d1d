"""The common parts of rules: eq. 6-7, selection of the smallest, and the answers of an inbox."""

import math

import pytest
import torch
from helpers import make_inbox, one_node, random_models, vectors
from hypothesis import given
from hypothesis import strategies as st

from byzdl.vectors.selection import smallest


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.0, [5, 1]),  # the mean of the selected (4, 2) and (6, 0) alone
        (0.5, [3, 5.5]),  # halfway between the own (1, 10) and (5, 1)
        (0.25, [4, 3.25]),  # a quarter of (1, 10), three of (5, 1): alpha weighs the own model
        (1.0, [1, 10]),  # the own model alone
    ],
)
def test_eq_6_and_7(alpha, expected):
    inbox = one_node([1, 10], [[4, 2], [100, 100], [6, 0]])
    mix = inbox.mix(torch.tensor([[True, False, True]]), alpha)
    assert mix.models[0].tolist() == pytest.approx(expected, rel=1e-6)
    # The weights that are logged are the weights that were used.
    assert mix.weights is not None
    assert mix.weights[0].tolist() == pytest.approx([(1 - alpha) / 2, 0, (1 - alpha) / 2])


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
def test_where_nothing_is_selected_the_own_model_is_kept_bit_by_bit(alpha):
    own = random_models(1, 50, seed=3)
    inbox = one_node(own[0].tolist(), [[math.nan] * 50, [1.0] * 50])
    mix = inbox.mix(torch.zeros(1, 2, dtype=torch.bool), alpha)
    assert torch.equal(mix.models, own)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_an_own_model_that_overflowed_stays_lost_and_takes_nothing_in(alpha):
    # Where it holds an infinity it may turn into NaN; what is finite is kept as it is.
    inbox = one_node([math.inf, 1.0], [[2.0, 2.0]])
    ((lost, kept),) = inbox.mix(torch.tensor([[False]]), alpha).models.tolist()
    assert not math.isfinite(lost)
    assert kept == 1


def test_every_learner_mixes_its_own_mail():
    # Learner 0 takes 2 of 2, learner 1 its only one, learner 2 has none: the padding carries no weight.
    inbox = make_inbox([0, 10, 20], [[2, 4], [30], []])
    mix = inbox.mix(inbox.present, 0.5)
    # 0.5 * 0 + 0.5 * 3; 0.5 * 10 + 0.5 * 30; 20
    assert mix.models.flatten().tolist() == [1.5, 20, 20]


@pytest.mark.parametrize("own", [math.nan, math.inf, 3e38])
@pytest.mark.parametrize("neighbours", [1, 2, 3, 10, 12, 38])
def test_an_own_model_that_diverged_is_dropped_at_alpha_0(own, neighbours):
    """At alpha = 0 the own model has no weight, and what has no weight is not touched: the node recovers.

    Not with ten neighbours of a tenth each either, whose floats do not add up to 1.
    """
    inbox = one_node(own, [3.0] * neighbours)
    assert inbox.mix(inbox.present, 0.0).models.item() == pytest.approx(3, rel=1e-6)


coordinates = st.lists(st.integers(-1000, 1000), min_size=3, max_size=3)


@given(
    own=coordinates,
    received=st.lists(st.tuples(coordinates, st.booleans()), min_size=1, max_size=6),
    alpha=st.floats(0, 1),
    garbage=st.sampled_from([math.nan, math.inf, -math.inf, 3e38]),
)
def test_only_the_selected_count_and_the_result_lies_between_them(own, received, alpha, garbage):
    chosen = [keep for _, keep in received]
    models = vectors([own, *(model for model, keep in received if keep)])
    mask = torch.tensor([chosen])
    result = one_node(own, [model for model, _ in received]).mix(mask, alpha).models[0]
    # In the convex hull, and so between the extremes of each coordinate (with a float's allowance).
    assert (result >= models.amin(0) - 1e-3).all()
    assert (result <= models.amax(0) + 1e-3).all()
    if not any(chosen):
        assert torch.equal(result, models[0])
    # The values of the models not selected change no bit of the result.
    spoiled = [model if keep else [garbage] * 3 for model, keep in received]
    assert torch.equal(one_node(own, spoiled).mix(mask, alpha).models[0], result)


def test_smallest_takes_the_left_of_equals():
    values = torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]])
    everywhere = torch.ones(1, 5, dtype=torch.bool)
    assert smallest(values, 3, everywhere).tolist() == [[False, True, True, False, True]]


def test_smallest_counts_only_among_those_asked_for():
    values = torch.tensor([[0.0, 1.0, math.inf, 2.0], [0.0, 1.0, math.inf, 2.0]])
    among = torch.tensor([[False, True, True, True], [False, False, True, False]])
    # Row 0: 0.0 is out, then 1.0 and 2.0. Row 1: only infinity is left, and it is a value like others.
    assert smallest(values, 2, among).tolist() == [[False, True, False, True], [False, False, True, False]]


def test_smallest_takes_a_count_of_each_row():
    values = torch.tensor([[3.0, 1.0, 2.0]] * 4)
    everywhere = torch.ones(4, 3, dtype=torch.bool)
    found = smallest(values, torch.tensor([-1, 0, 1, 5]), everywhere).tolist()
    assert found == [[False] * 3, [False] * 3, [False, True, False], [True] * 3]


def test_losses_put_infinity_for_what_is_not_finite_or_not_asked_for():
    inbox = make_inbox(
        [0, 0],
        [[1, 2, math.nan], [4]],
        own_losses=[0.5, math.nan],
        losses=[[math.nan, 0.25, 0.125], [-math.inf]],
    )
    own, losses = inbox.losses()
    assert own.tolist() == [0.5, math.inf]
    # The third model is not finite: its loss isn't looked at, whatever it would be.
    assert losses.tolist() == [[math.inf, 0.25, math.inf], [math.inf, math.inf, math.inf]]
    assert (0, 4) not in inbox.loss_of.asked
    _, some = inbox.losses(among=torch.tensor([[True, False, False], [False, False, False]]))
    assert some.isinf().all()


def test_distances_are_exact_beside_a_huge_model():
    # ||(3, 4)|| = 5. The Gram form x.x - 2 x.y + y.y would lose it beside 1e6.
    inbox = one_node([1e6, 1e6], [[1e6 + 3, 1e6 + 4], [-1e6, 1e6], [math.inf, 0]])
    assert inbox.distances().tolist() == [[5, 2e6, math.inf]]
    pairs = inbox.pairwise_distances()[0]
    assert pairs[0, 1].item() == pytest.approx(2e6 + 3, rel=1e-6)
    assert pairs[0, 1] == pairs[1, 0]
    assert pairs[2].isinf().all()
