"""ARC: the farthest models are clipped to the distance of the next farthest."""

import math

import numpy as np
import pytest
from helpers import chosen, graph, make_inbox, random_models
from hypothesis import given
from hypothesis import strategies as st

from byzdl.exchange import Conditions
from byzdl.preaggregation import blended


def clipped(inbox, f):
    after = blended(inbox, chosen("pre", "arc", f=f).blend(inbox))
    return after.models[after.rows[0]].flatten().tolist()


@pytest.mark.parametrize(
    ("f", "after"),
    [
        (0, [13, 9, 30, -10, 12]),
        (1, [13, 9, 26, -6, 12]),  # floor(2 * 5 / 6) = 1: of the distances 3, 1, 20, 20 and 2, one of 20 to the other
        (2, [13, 9, 13, 7, 12]),  # floor(4 * 4 / 6) = 2: 3 is the largest of the others
        (3, [12, 9, 12, 8, 12]),  # floor(6 * 3 / 6) = 3: 2 is
    ],
)
def test_by_hand(f, after):
    inbox = make_inbox([10.0], [[13.0, 9.0, 30.0, -6.0 if f == 1 else -10.0, 12.0]])
    assert clipped(inbox, f) == pytest.approx(after)


def test_known_f_is_the_number_of_byzantine_neighbours():
    received = [1.0, 2.0, 9.0]
    assert clipped(make_inbox([0.0], [received]), "known") == received
    assert clipped(make_inbox([0.0], [received], byzantine=[[False, False, True]]), "known") == [1, 2, 2]


def test_a_single_neighbour_that_may_be_byzantine_says_nothing():
    # floor(2 * 1 / 2) = 1 of the two is clipped, to the own model's distance from itself.
    assert clipped(make_inbox([3.0], [[8.0]], byzantine=[[True]]), "known") == [3]


def test_what_is_not_finite_is_the_farthest_and_stays():
    after = clipped(make_inbox([0.0], [[math.inf, 1.0, 2.0, 9.0]]), 1)  # one of five
    assert not math.isfinite(after[0])
    assert after[1:] == [1, 2, 9]
    after = clipped(make_inbox([0.0], [[math.nan, 1.0, 2.0, 9.0]]), 2)  # floor(4 * 3 / 5) = 2
    assert not math.isfinite(after[0])
    assert after[1:] == [1, 2, 2]
    assert clipped(make_inbox([math.nan], [[1.0, 9.0]]), 1) == [1, 9]


@given(st.integers(1, 12), st.integers(0, 12), st.integers(0, 99))
def test_it_agrees_with_a_loop(neighbours, f, seed):
    models = random_models(1 + neighbours, 4, seed=seed).double().numpy()
    n, f = 1 + neighbours, min(f, neighbours)
    differences = models[1:] - models[0]
    order = sorted(range(neighbours), key=lambda j: np.linalg.norm(differences[j]))
    clips = (2 * f * (n - f)) // n
    norms = [0.0, *(np.linalg.norm(differences[j]) for j in order)]
    for j in order[neighbours - clips :]:
        differences[j] *= norms[n - clips - 1] / np.linalg.norm(differences[j])
    found = clipped(make_inbox([models[0].tolist()], [models[1:].tolist()]), f)
    np.testing.assert_allclose(found, (models[0] + differences).flatten(), rtol=1e-5, atol=1e-5)


def test_a_warning_names_the_nodes_at_which_f_is_no_minority():
    network = graph(4, [(0, 1), (0, 2), (1, 2), (2, 3), (1, 3)], byzantine=[1, 2])
    warning = chosen("pre", "arc").facts(Conditions(network))["warning"]
    assert warning.startswith("arc: |N_i| < 2f at 2 of 2 benign nodes (0, 3): ")
