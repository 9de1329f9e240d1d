"""Multi-Krum: the mean of the models with the best scores."""

import math

import numpy as np
import pytest
from helpers import aggregate, chosen, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError
from byzdl.defenses.d_krum import DKrum
from byzdl.defenses.multi_krum import MultiKrum


def rule(f, m="benign", alpha=0.5):
    return MultiKrum(name="multi_krum", f=f, m=m, alpha=alpha)


@pytest.mark.parametrize(
    ("m", "winners"), [(1, [3]), (2, [2, 3]), (3, [2, 3, 4]), ("benign", [0, 2, 3, 4]), (9, [0, 1, 2, 3, 4])]
)
def test_the_m_best_by_hand(m, winners):
    # |N| = 5, f = 1: two nearest others count. 0: 0 + 100 = 100, twice; 10: 1 + 4 = 5; 11: 1 + 1 = 2; 12: 1 + 4 = 5.
    mix = aggregate(rule(1, m), one_node(8, [0, 0, 10, 11, 12]))
    assert selected(mix) == winners
    # The own 8 weighs a half, the winners' mean the other.
    assert mix.models.item() == pytest.approx(4 + 0.5 * np.mean([[0, 0, 10, 11, 12][j] for j in winners]))


def test_benign_is_as_many_as_are_left_but_one_at_least():
    inbox = one_node(0, [5, 6, 8], byzantine=[True, True, True])
    assert selected(aggregate(rule("known"), inbox)) == [0]
    assert selected(aggregate(rule(0), inbox)) == [0, 1, 2]


def test_alpha_weighs_the_own_model():
    assert aggregate(rule(0, m=2, alpha=0.75), one_node(8, [4, 0, 60])).models.item() == 6.5


def test_what_is_not_finite_is_no_candidate():
    # 0, 10, 11 are left; f = 1 of |N| = 4 asks for three of them, and one nearest other.
    assert selected(aggregate(rule(1), one_node(0, [math.nan, 0, 10, 11]))) == [1, 2, 3]
    assert selected(aggregate(rule(1, m=2), one_node(0, [math.nan, 0, 10, 11]))) == [2, 3]


def test_m_takes_an_integer_or_a_word():
    for wrong in (0, 1.5, "all"):
        with pytest.raises(ConfigError, match=r"defense\.m is .*, but must be an integer, at least 1, or benign"):
            chosen("defense", "multi_krum", m=wrong)


@given(st.integers(1, 8), st.integers(0, 4), st.integers(0, 99))
def test_one_is_d_krum(neighbours, f, seed):
    models = random_models(1 + neighbours, 3, seed=seed).tolist()
    inbox = one_node(models[0], models[1:])
    assert selected(aggregate(rule(f, m=1), inbox)) == selected(aggregate(DKrum(name="d_krum", f=f), inbox))


@given(st.integers(3, 9), st.integers(0, 3), st.integers(1, 9), st.integers(0, 99))
def test_it_agrees_with_a_brute_force(neighbours, f, m, seed):
    models = random_models(1 + neighbours, 3, seed=seed)
    x = models[1:].double().numpy()
    squared = ((x[:, None] - x) ** 2).sum(-1)
    scores = np.sort(squared, axis=1)[:, 1 : 1 + max(neighbours - f - 2, 1)].sum(1)
    found = selected(aggregate(rule(f, m), one_node(models[0].tolist(), models[1:].tolist())))
    assert len(found) == min(m, neighbours)
    others = [j for j in range(neighbours) if j not in found]
    assert not others or scores[found].max() <= scores[others].min() * (1 + 1e-6)


@pytest.mark.parametrize("lie", [1e30, -3e38])
def test_liars_far_away_are_not_among_the_benign(lie):
    benign = random_models(6, 5).tolist()
    received = [*benign[1:], [lie] * 5, [0.9 * lie] * 5]
    assert selected(aggregate(rule(2), one_node(benign[0], received))) == [0, 1, 2, 3, 4]
