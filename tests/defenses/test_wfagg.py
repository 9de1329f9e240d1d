"""WFAgg: weights by how many of three filters a model passes."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import aggregate, graph, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.wfagg import Wfagg
from byzdl.exchange import Conditions


def wfagg(f=1, **keys):
    return Wfagg(name="wfagg", f=f, **keys)


def rounds_of(rule, rounds, own=(0.0, 0.0)):
    """The mixes of several rounds of one node, from the models that it receives in each."""
    state, mixes = None, []
    for t, received in enumerate(rounds):
        inbox = dataclasses.replace(one_node(own, received), round=t)
        state = rule.begin(1, len(received), len(own)) if state is None else state
        state, mix = rule.aggregate(state, inbox)
        mixes.append(mix)
    return mixes


def by_lists(rounds, f, alpha, window, own):
    """The rule with lists of changes for each neighbour: the last round's result."""
    k = len(rounds[0])
    changes = [[] for _ in range(k)]
    for t, received in enumerate(rounds):
        x = [np.array(model) for model in received]
        middle = np.median(x, axis=0)
        most = max(1, k - f - 1)
        near = np.argsort([np.linalg.norm(m - middle) for m in x], kind="stable")[:most]
        like = np.argsort([-m @ middle / np.linalg.norm(m) for m in x], kind="stable")[:most]
        weights = np.zeros(k)
        for j in range(k):
            steady = False
            if t:
                old = rounds[t - 1][j]
                cosine = x[j] @ old / np.linalg.norm(x[j]) / np.linalg.norm(old)
                change = (np.linalg.norm(x[j] - old), 1 - cosine)
                before = np.array(changes[j][-window:])
                if len(before) == window:
                    spread = before.std(axis=0, ddof=1)
                    steady = bool((abs(change - before.mean(axis=0)) <= spread).all())
                changes[j].append(change)
            passed = [j in near, j in like, steady]
            weights[j] = np.dot([0.4, 0.4, 0.2], passed) if sum(passed) >= 2 else 0
    if not weights.any():
        return own
    return alpha * np.array(own) + (1 - alpha) * (weights @ x) / weights.sum()


def test_distance_and_cosine_by_hand():
    # The median of the four is (3.5, 4.5). (4, 4) and (3, 5) are at 0.71 and so is (3, 4), (90, 90) is far: of 4 - 1 -
    # 1 = 2, ties go to the left. The cosines are 0.9985 for (3, 4), 0.9923 for (4, 4) and (90, 90), and 0.9943 for (3,
    # 5).
    mix = aggregate(wfagg(), one_node([0, 0], [[3, 4], [4, 4], [3, 5], [90, 90]]))
    assert selected(mix) == [0]
    assert mix.models[0].tolist() == [1.5, 2]
    # With f = 0, three pass each.
    mix = aggregate(wfagg(f=0, alpha=0.25), one_node([0, 0], [[3, 4], [4, 4], [3, 5], [90, 90]]))
    assert selected(mix) == [0, 1, 2]
    assert mix.models[0].tolist() == pytest.approx([0.75 * 10 / 3, 0.75 * 13 / 3])


def test_a_steady_model_has_more_weight():
    # Neighbours 0 and 1 stand still but for neighbour 1's last round. From the fourth round on, 0 is steady.
    still = [[[3, 4], [3, 4], [3, 4], [90, -90]]] * 3
    *_, third, fourth = rounds_of(wfagg(f=0), [*still, [[3, 4], [3.01, 4], [3, 4], [90, -90]]])
    assert third.weights[0].tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 6, 0])
    # Weights 1, 0.8 and 1, of 2.8, halved. The far one is steady as well, and passes nothing else.
    assert fourth.weights[0].tolist() == pytest.approx([1 / 5.6, 0.8 / 5.6, 1 / 5.6, 0])


# The median is (4, 3.6). With f = 2, two pass each filter: by distance the third and the second, by cosine the third
# and the last.
FIVE = [[4, 4.2], [4.4, 4], [4, 3.6], [-9, 3], [0.42, 0.38]]


def test_one_filter_and_steadiness_are_enough():
    first, *_, last = rounds_of(wfagg(f=2), [FIVE] * 4)
    assert selected(first) == [2]
    assert last.weights[0].tolist() == pytest.approx([0, 0.3 / 2.2, 0.5 / 2.2, 0, 0.3 / 2.2])


@given(st.integers(3, 7), st.integers(1, 6), st.integers(2, 3), st.integers(0, 2), st.integers(0, 99))
def test_it_agrees_with_lists_of_changes(neighbours, count, window, f, seed):
    start, steps = random_models(1 + neighbours, 6, seed=seed), random_models(count * neighbours, 6, seed=seed + 1)
    walk = (start[1:].double() + 0.1 * steps.view(count, neighbours, 6).double().cumsum(0)).float()
    rounds = walk.tolist()
    rule = wfagg(f=f, alpha=0.3, window=window)
    mix = rounds_of(rule, rounds, own=tuple(start[0].tolist()))[-1]
    expected = by_lists(walk.double().numpy(), f, 0.3, window, start[0].double().numpy())
    np.testing.assert_allclose(mix.models[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("keys", "first"), [({}, 3), ({"window": 4}, 5), ({"transient": 3}, 5)])
def test_the_window_is_filled_before_anybody_is_steady(keys, first):
    """Without a transient by the changes of rounds 1 and 2, else by those of rounds 3 and 4."""
    mixes = rounds_of(wfagg(f=2, **keys), [FIVE] * 7)
    assert [4 in selected(mix) for mix in mixes] == [t >= first for t in range(7)]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_passes_nothing_and_is_not_remembered(value):
    rule = wfagg(f=0)
    state, _ = rule.aggregate(rule.begin(1, 3, 2), one_node([0, 0], [[3, 4], [3, 4], [3, 4]]))
    state, mix = rule.aggregate(state, one_node([1, 2], [[value, 4], [5, 4], [5, 4]]))
    assert 0 not in selected(mix)
    assert state.last[0].tolist() == [[3, 4], [5, 4], [5, 4]]
    assert state.number[0].tolist() == [0, 1, 1]
    mix = aggregate(rule, one_node([1, 2], [[value, 4], [value, value]]))
    assert torch.equal(mix.models, torch.tensor([[1.0, 2.0]]))


def test_a_node_where_nobody_passes_two_filters_keeps_its_own_model():
    # The median of the three is (2, 2). The first is nearest to it, the second points its way.
    mix = aggregate(wfagg(), one_node([1, 5], [[2, 1.5], [9, 9], [0, 2]]))
    assert selected(mix) == []
    assert mix.models.tolist() == [[1, 5]]


def test_a_warning_names_the_nodes_with_too_few_neighbours():
    network = graph(4, [(0, 1), (0, 2), (1, 2), (2, 3), (1, 3)], byzantine=[1, 2])
    warning = wfagg("known").facts(Conditions(network))["warning"]
    assert "|N_i| < f + 2 at 2 of 2 benign nodes (0, 3)" in warning
