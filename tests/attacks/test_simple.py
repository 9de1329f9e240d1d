"""Attacks of a line or two, on cases done by hand."""

import math
from dataclasses import replace

import pytest
import torch
from helpers import chosen, delivered, graph, make_experiment, view, view_of

from byzdl.simulation.rounds import local_update, one_round


def own_view(own, previous, byzantine=1):
    """The view of attackers that train: one benign model, and their own before and after."""
    benign = torch.zeros(1, 2)
    seen = view_of(
        benign,
        benign,
        torch.tensor(own),
        byzantine=byzantine,
        attacker=torch.arange(byzantine),
        victim=torch.zeros(byzantine, dtype=torch.long),
    )
    return replace(seen, before=torch.cat([benign, torch.tensor(previous)]))


def test_sign_flip_goes_back_what_it_would_have_come_forward():
    seen = own_view(own=[[2.0, 0.0], [5.0, 5.0]], previous=[[1.0, 2.0], [5.0, 4.0]], byzantine=2)
    # (1, 2) - 2 (1, -2) and (5, 4) - 2 (0, 1)
    assert delivered(chosen("attack", "sign_flip", scale=2.0), seen).tolist() == [[-1, 6], [5, 2]]


@pytest.mark.parametrize(
    ("value", "first", "second"),
    [("inf", math.inf, math.inf), ("-inf", -math.inf, -math.inf), ("alternating", math.inf, -math.inf)],
)
def test_nonfinite_sends_infinities(value, first, second):
    sent = delivered(chosen("attack", "nonfinite", value=value), view([[1.0, 2.0, 3.0]]))
    assert sent.tolist() == [[first, second, first]]


def test_nonfinite_sends_nan_by_default():
    assert delivered(chosen("attack", "nonfinite"), view([[1.0, 2.0]])).isnan().all()


def test_gaussian_noise_has_its_spread_and_is_everybodys_own():
    d = 20_000
    seen = view([[1.0] * d, [3.0] * d], byzantine=2, attacker=[0, 1, 0])
    one, other, again = delivered(chosen("attack", "gaussian", std=5.0), seen)
    for sent in (one, other):
        assert sent.mean().item() == pytest.approx(2, abs=0.15)  # four standard errors: 4 * 5 / sqrt(20000)
        assert sent.std().item() == pytest.approx(5, rel=0.03)
    assert torch.equal(one, again)
    assert torch.corrcoef(torch.stack([one, other]))[0, 1].abs() < 0.03
    later = replace(seen, round=1)
    assert not torch.equal(delivered(chosen("attack", "gaussian", std=5.0), later)[0], one)


def test_duplicate_copies_one_node_and_stays_with_it():
    attack = chosen("attack", "duplicate")
    # The mean is (4, 2): farthest is (12, 0), at 68.
    state, messages = attack.send(attack.init(3, 2), view([[0.0, 0.0], [12.0, 0.0], [0.0, 6.0]]))
    assert messages.models.tolist() == [[12, 0]]
    _, messages = attack.send(state, view([[90.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    assert messages.models.tolist() == [[1, 1]]


@pytest.mark.parametrize(("angle", "expected"), [(90.0, [2, 6]), (0.0, [-4, 0]), (180.0, [8, 0])])
def test_rop_is_displaced_by_z_updates_at_an_angle(angle, expected):
    # u = (2, 0); orthogonal to it and nearest to (1, 1) is (0, 1). z |u| = 6.
    seen = view([[1.0, 0.0], [3.0, 0.0]], previous=[[0.0, 0.0], [0.0, 0.0]])
    sent = delivered(chosen("attack", "rop", z=3.0, angle=angle), seen)
    assert sent[0].tolist() == pytest.approx(expected, abs=1e-5)


def test_dissensus_pulls_the_victim_away_from_its_benign_neighbours():
    # The victim at 0 hears 4 at weight 1/4 and 8 at 1/2: the pull is 5; the Byzantine weight is 1/8.
    assert delivered(chosen("attack", "dissensus"), view([[0.0], [4.0], [8.0]])).tolist() == [[-1.5 * 5 * 8]]


def test_each_victim_gets_its_own():
    # At 4: 8 at 1/4 and 0 at 1/2: a pull of 1 - 2 = -1; sent is 4 + 8.
    sent = delivered(chosen("attack", "isolation"), view([[0.0], [4.0], [8.0]], attacker=[0, 0], victim=[0, 1]))
    assert sent.tolist() == [[-40], [12]]


def test_isolation_leaves_a_gossiping_node_where_it_is(tiny):
    """The real graph's weights, through a whole round: under plain gossip an isolated node learns alone."""
    network = graph(5, [(0, 1), (1, 2), (2, 3), (0, 3), (0, 4), (2, 4)], byzantine=[4])
    experiment = make_experiment(
        tiny, network, attack=chosen("attack", "isolation", br=0.2), defense=chosen("defense", "mean")
    )
    alone = local_update(experiment, experiment.initial()).own.clone()
    state, _ = one_round(experiment, experiment.initial())
    torch.testing.assert_close(state.models[[0, 2]], alone[[0, 2]])
    assert not torch.allclose(state.models[[1, 3]], alone[[1, 3]])


def test_mimic_copies_the_node_farthest_out_and_stays_with_it():
    attack = chosen("attack", "mimic", warmup=4)
    benign, state = [[0.0, 0.1], [0.1, -0.1], [-0.1, 0.0], [3.0, 3.0]], attack.init(4, 2)
    for t in range(4):
        state, messages = attack.send(state, replace(view(benign), round=t))
    assert messages.models.tolist() == [[3, 3]]
    # The leading direction of the spread is along (1, 1).
    assert state.direction.abs().tolist() == pytest.approx([0.5**0.5, 0.5**0.5], abs=0.02)
    _, messages = attack.send(state, replace(view([[90.0, 0.0], *benign[1:]]), round=4))
    assert messages.models.tolist() == [[3, 3]]


@pytest.mark.parametrize("start", [1, 30, 60])
def test_mimic_learns_in_the_first_rounds_in_which_it_acts(start):
    attack = chosen("attack", "mimic", warmup=4)
    state = attack.init(4, 2)
    benign = [[0.0, 0.1], [0.1, -0.1], [-0.1, 0.0], [3.0, 3.0]]
    for t in range(4):
        state, messages = attack.send(state, replace(view(benign), round=start + 2 * t))
    assert messages.models.tolist() == [[3, 3]]
    assert state.direction.abs().tolist() == pytest.approx([0.5**0.5, 0.5**0.5], abs=0.02)


@pytest.mark.parametrize("lost", [math.nan, math.inf])
def test_copies_are_of_models_that_are_finite(lost):
    benign = [[0.0, 0.1], [0.1, -0.1], [lost, 0.0], [3.0, 3.0]]
    assert delivered(chosen("attack", "duplicate"), view(benign)).tolist() == [[3, 3]]
    mimic = chosen("attack", "mimic", warmup=6)
    state = mimic.init(4, 2)
    # Lost in some rounds of the warm-up, and back again.
    for t in range(6):
        models = [*benign[:2], benign[2] if t in (2, 3) else [-0.1, 0.0], benign[3]]
        state, messages = mimic.send(state, replace(view(models), round=t))
    assert messages.models.tolist() == [[3, 3]]


def test_duplicate_finds_the_farthest_of_huge_models():
    sent = delivered(chosen("attack", "duplicate"), view([[0.0, 0.0], [1e20, 1e20], [-3e20, 3e20]]))
    assert sent[0].tolist() == pytest.approx([-3e20, 3e20])


@pytest.mark.parametrize("scale", [1e-6, 1e20, 1e36])
@pytest.mark.parametrize(
    ("attack", "keys"),
    [
        *(("min_max", {"direction": direction}) for direction in ("std", "unit")),
        *(("min_sum", {"direction": direction}) for direction in ("std", "unit", "sign")),
        ("rop", {}),
        ("alie", {"z": 1.5}),
        ("ipm", {}),
        ("isolation", {}),
    ],
)
def test_what_is_sent_grows_with_the_models(attack, keys, scale):
    benign = torch.randn(5, 30, generator=torch.Generator().manual_seed(0))

    def sent(by):
        return delivered(
            chosen("attack", attack, **keys), view((benign * by).tolist(), previous=(benign * (by / 2)).tolist())
        )

    torch.testing.assert_close(sent(scale) / scale, sent(1.0), rtol=1e-4, atol=1e-5)
