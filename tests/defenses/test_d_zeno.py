"""D_Zeno: the |N_i| - f models that lower the own loss the most."""

import math

import pytest
from helpers import aggregate, chosen, graph, make_inbox, one_node, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError
from byzdl.defenses.d_zeno import DZeno
from byzdl.exchange import Conditions


def zeno(f, rho=0.0, alpha=0.5):
    return DZeno(name="d_zeno", f=f, rho=rho, alpha=alpha)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (0, [0, 1, 2, 3]),  # all four, even those worse than the own model: Zeno ranks, it doesn't compare
        (1, [0, 2, 3]),  # without the worst, 2.0
        (2, [0, 2]),  # 0.5 and 0.7
        (3, [0]),
    ],
)
def test_all_but_f_are_selected_by_loss(f, expected):
    inbox = one_node(0, [4, 8, 12, 16], own_loss=1.0, losses=[0.5, 2.0, 0.7, 1.2])
    assert selected(aggregate(zeno(f), inbox)) == expected


def test_the_selected_are_averaged_and_mixed_by_alpha():
    # The mean of 4 and 12 is 8; 0.75 * 0 + 0.25 * 8 = 2
    inbox = one_node(0, [4, 8, 12, 16], own_loss=1.0, losses=[0.5, 2.0, 0.7, 1.2])
    assert aggregate(zeno(2, alpha=0.75), inbox).models.item() == 2


def test_uniformly_each_weighs_as_much_as_the_own_model():
    # (6 + 4 + 12) / 3
    inbox = one_node(6, [4, 8, 12, 16], own_loss=1.0, losses=[0.5, 2.0, 0.7, 1.2])
    assert aggregate(zeno(2, alpha="uniform"), inbox).models.item() == pytest.approx(22 / 3)
    assert aggregate(zeno(4, alpha="uniform"), inbox).models.item() == 6


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"alpha": "none"}, "defense.alpha is 'none', but must be a number in [0, 1], or uniform"),
        ({"norm": "max"}, "defense.norm is 'max', but must be one of 'sum' or 'mean'"),
    ],
)
def test_wrong_choices_are_refused(keys, says):
    with pytest.raises(ConfigError) as error:
        chosen("defense", "d_zeno", **keys)
    assert str(error.value) == says


def test_rho_weighs_the_squared_distance():
    # Scores with rho = 0.1 and own loss 1, at distances 3 and 1:
    # 1 - 0.5 - 0.1 * 9 = -0.4 and 1 - 0.8 - 0.1 * 1 = 0.1: the second is selected.
    # By the plain distance it would be 0.2 against 0.1; without the term 0.5 against 0.2.
    models, losses = [[3, 0], [0, 1]], [0.5, 0.8]
    assert selected(aggregate(zeno(1, rho=0.1), one_node([0, 0], models, own_loss=1.0, losses=losses))) == [1]
    assert selected(aggregate(zeno(1), one_node([0, 0], models, own_loss=1.0, losses=losses))) == [0]


def test_the_distance_is_squared_once_and_summed_over_coordinates():
    # d = 4, own loss 1, rho = 0.1. (1, 1, 1, 1): squared norm 4, cost 0.2 + 0.4 = 0.6.
    # (1.1, 0, 0, 0): squared norm 1.21, cost 0.5 + 0.121 = 0.621: the first is selected.
    # Squared twice: 0.2 + 1.6 against 0.5 + 0.15. (A mean over coordinates would keep the first.)
    inbox = one_node([0] * 4, [[1, 1, 1, 1], [1.1, 0, 0, 0]], own_loss=1.0, losses=[0.2, 0.5])
    assert selected(aggregate(zeno(1, rho=0.1), inbox)) == [0]
    # With losses 0.4 and 0.5: 0.8 against 0.621. The mean over d = 4 has 0.5 against 0.53.
    inbox = one_node([0] * 4, [[1, 1, 1, 1], [1.1, 0, 0, 0]], own_loss=1.0, losses=[0.4, 0.5])
    assert selected(aggregate(zeno(1, rho=0.1), inbox)) == [1]
    assert selected(aggregate(DZeno(name="d_zeno", f=1, rho=0.1, norm="mean"), inbox)) == [0]


def test_the_distance_is_to_the_own_model():
    inbox = one_node(10, [10, 1], own_loss=1.0, losses=[0.5, 0.4])
    assert selected(aggregate(zeno(1, rho=1.0), inbox)) == [0]


def test_known_f_is_the_number_of_byzantine_neighbours_of_each_node():
    inbox = make_inbox(
        [0, 0],
        [[1, 2, 3], [1, 2]],
        own_losses=[1.0, 1.0],
        losses=[[0.3, 0.2, 0.1], [0.2, 0.1]],
        byzantine=[[True, False, True], [False, True]],
    )
    mix = aggregate(zeno("known"), inbox)
    # 3 - 2 = 1 and 2 - 1 = 1: f is a number, not a list of names; the attacker of least loss is selected.
    assert [selected(mix, i) for i in range(2)] == [[2], [1]]


def test_nobody_is_selected_where_all_neighbours_are_known_to_be_byzantine():
    inbox = one_node(7, [1, 2], own_loss=1.0, losses=[0.1, 0.1], byzantine=[True, True])
    mix = aggregate(zeno("known"), inbox)
    assert selected(mix) == []
    assert mix.models.item() == 7


def test_a_warning_names_the_nodes_that_hear_only_attackers():
    # Node 1 hears the attackers 2 and 3 alone, node 0 hears node 4 beside them; node 5 hears nobody.
    network = graph(6, [(0, 2), (0, 3), (0, 4), (1, 2), (1, 3)], byzantine=[2, 3])
    assert (
        "at 1 of 4 benign nodes (1): these nodes select nothing" in zeno("known").facts(Conditions(network))["warning"]
    )
    assert zeno(1).facts(Conditions(graph(3, [(0, 1), (0, 2), (1, 2)], byzantine=[2]))) == {"f": {0: 1, 1: 1}}


def test_a_loss_or_model_that_is_not_finite_is_never_selected():
    inbox = one_node(0, [1, 2, math.inf, 4], own_loss=1.0, losses=[math.nan, 0.5, 0.1, math.inf])
    assert selected(aggregate(zeno(1), inbox)) == [1]
    # Nor with the norm term, where infinity plus something is infinity still.
    assert selected(aggregate(zeno(1, rho=0.5), inbox)) == [1]


def test_the_left_of_equal_scores():
    inbox = one_node(0, [1, 2, 3], own_loss=1.0, losses=[0.5, 0.5, 0.5])
    assert selected(aggregate(zeno(1), inbox)) == [0, 1]


@given(
    st.lists(st.tuples(st.integers(-20, 20), st.integers(0, 50)), min_size=1, max_size=7),
    st.integers(0, 6),
    st.sampled_from([0.0, 0.5]),
    st.integers(-300, 300),
)
def test_it_ranks_as_written_wherever_the_models_stand(neighbours, f, rho, shift):
    inbox = one_node(
        shift, [x + shift for x, _ in neighbours], own_loss=9.0, losses=[float(loss) for _, loss in neighbours]
    )
    found = selected(aggregate(zeno(f, rho), inbox))
    # Small integers and halves: every score is exact, so that ties are true ties.
    scores = [9.0 - loss - rho * x**2 for x, loss in neighbours]
    assert len(found) == max(len(neighbours) - f, 0)
    left_out = [score for j, score in enumerate(scores) if j not in found]
    assert not left_out or not found or min(scores[j] for j in found) >= max(left_out)
