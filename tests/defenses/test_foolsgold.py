"""FoolsGold: less weight for neighbours that move alike."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from helpers import aggregate, make_inbox, one_node, random_models, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.defenses.foolsgold import Foolsgold

RULE = Foolsgold(name="foolsgold")


def step(state, own, received, before=None):
    """A round of one node: the next state and the weights."""
    inbox = one_node(own, received)
    if before is not None:
        inbox = dataclasses.replace(inbox, before=torch.tensor([before], dtype=torch.float32))
    if state is None:
        state = RULE.begin(*inbox.rows.shape, inbox.own.shape[1])
    state, mix = RULE.aggregate(state, inbox)
    return state, mix


def by_loops(sums, confidence=1.0):
    """The paper's Algorithm 1 for summed updates [k, d], one pair after another."""
    k = len(sums)
    cs = np.zeros((k, k))
    for i in range(k):
        for j in range(k):
            if i != j:
                cs[i, j] = np.dot(sums[i], sums[j]) / (np.linalg.norm(sums[i]) * np.linalg.norm(sums[j]))
    v = [max(cs[i].max(), 0) for i in range(k)]
    a = []
    for i in range(k):
        pardoned = [cs[i, j] * v[i] / v[j] if v[j] > v[i] else cs[i, j] for j in range(k) if j != i]
        a.append(min(1.0, 1 - max([*pardoned, 0])))
    a = [min(value / max(a), 0.99) for value in a]
    return [min(1.0, max(0.0, confidence * (math.log(value / (1 - value)) + 0.5))) if value > 0 else 0.0 for value in a]


def test_by_hand():
    # The first is at right angles to the others, which have a cosine of 0.5: a = 1, 0.5 and 0.5. The logit of 0.99 is
    # above 1, that of 0.5 is 0.5. With the own model: 1, 1, 0.5 and 0.5, of 3.
    _, mix = step(None, [3, 0, 0], [[6, 0, 0], [0, 1, 0], [0, 0.5, 0.75**0.5]])
    assert mix.weights[0].tolist() == pytest.approx([1 / 3, 1 / 6, 1 / 6])
    assert mix.models[0].tolist() == pytest.approx([3, 0.25, 0.75**0.5 / 6])


def test_pardoning_by_hand():
    # Cosines 0.6 (1 and 2), 0.8 (2 and 3) and 0. The largest are 0.6, 0.8 and 0.8, so 1's cosine counts 0.6 * 0.6 / 0.8
    # = 0.45. a = 0.55, 0.2, 0.2, or 1, 0.364, 0.364, of which the logit is -0.06.
    _, mix = step(None, [0, 0], [[1, 0], [0.6, 0.8], [0, 1]])
    assert selected(mix) == [0]
    # A hundredth as steep, the logit of 0.99 is (log 99 + 0.5) / 100.
    mild = Foolsgold(name="foolsgold", confidence=0.01)
    mix = aggregate(mild, one_node([0, 0], [[1, 0], [0.6, 0.8], [0, 1]]))
    assert mix.weights[0].tolist() == pytest.approx([(w := 0.01 * (math.log(99) + 0.5)) / (1 + w), 0, 0])


@given(st.integers(1, 8), st.integers(1, 3), st.sampled_from([0.3, 1.0, 2.0]), st.integers(0, 99))
def test_it_agrees_with_loops_over_pairs(neighbours, rounds, confidence, seed):
    rule = Foolsgold(name="foolsgold", confidence=confidence)
    state, sums = rule.begin(1, neighbours, 3), np.zeros((neighbours, 3))
    for t in range(rounds):
        models = random_models(2 + neighbours, 3, seed=seed + 100 * t)
        inbox = one_node(models[0].tolist(), models[2:].tolist())
        state, mix = rule.aggregate(state, dataclasses.replace(inbox, before=models[1:2]))
        sums += (models[2:] - models[1]).double().numpy()
    expected = np.array(by_loops(sums, confidence))
    np.testing.assert_allclose(mix.weights[0], expected / (1 + expected.sum()), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(state.summed[0], sums, rtol=1e-4, atol=1e-5)


def test_sums_over_rounds_count_and_not_this_round():
    # After opposite rounds, the sums of the first two are (1, 1) and (1, 1): alike, though this round's are not.
    state, _ = step(None, [0, 0], [[1, 0], [0, 1], [-1, -1]])
    _, mix = step(state, [0, 0], [[0, 1], [1, 0], [-1, -1]])
    assert selected(mix) == [2]


def test_updates_start_from_the_own_model():
    # From (9, 9), the neighbours went (1, 0) and (0, 1), at right angles.
    _, mix = step(None, [9, 9], [[10, 9], [9, 10]], before=[9, 9])
    assert mix.weights[0].tolist() == pytest.approx([1 / 3, 1 / 3])


def test_if_all_go_one_way_all_are_rejected_and_one_alone_is_trusted():
    assert selected(step(None, [0, 0], [[1, 2], [2, 4], [0.5, 1]])[1]) == []
    assert step(None, [0, 0], [[1, 2]])[1].weights[0].tolist() == [0.5]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_adds_nothing_to_its_sum(value):
    state, _ = step(None, [0, 0], [[1, 0], [0, 1]])
    state, mix = step(state, [0, 0], [[value, 5], [0, 1]])
    assert selected(mix) == [1]
    assert state.summed[0].tolist() == [[1, 0], [0, 2]]
    kept, mix = step(state, [value, 0], [[7, 0], [0, 1]])
    assert torch.equal(kept.summed, state.summed)
    assert selected(mix) == []


def test_sums_stay_finite():
    state = None
    for _ in range(3):
        state, mix = step(state, [0, 0], [[3e38, -3e38], [0, 1]])
    assert state.summed.isfinite().all()
    assert selected(mix) == [0, 1]


def test_each_learner_has_its_own_sums():
    inbox = make_inbox([[0, 0], [0, 0]], [[[1, 0], [2, 0], [0, 1]], [[1, 0], [0, 1]]])
    mix = aggregate(RULE, inbox)
    assert [selected(mix, i) for i in range(2)] == [[2], [0, 1]]
