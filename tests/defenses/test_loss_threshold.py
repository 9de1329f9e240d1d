"""The paper's method, eq. 4-5: the threshold, how it falls, and the fall-back."""

import math

import pytest
import torch
from helpers import aggregate, chosen, graph, make_inbox, one_node, selected
from hypothesis import given
from hypothesis import strategies as st

from byzdl.config.types import ConfigError
from byzdl.defenses.loss_threshold import LossThreshold
from byzdl.exchange import Conditions

RULE = LossThreshold(name="loss_threshold")


def epoch(rule, state, *values):
    """Every learner's epoch ends at once, or not (None); each measures what is given."""
    ended = torch.tensor([value is not None for value in values])
    measured = torch.tensor([math.nan if value is None else value for value in values], dtype=torch.float64)
    return rule.end_epoch(state, ended, lambda of, metric: measured)


def after(rule, errors, learners=1):
    """The state after epochs with these errors, the same for all learners."""
    state = rule.init(learners, 0)
    for error in errors:
        state = epoch(rule, state, *[error] * learners)
    return state


# The first epoch is always a new minimum, the five that follow do not improve it.
OVERFITTED = [0.5] * 6


def test_eq_4_by_hand():
    # theta = 0.1, own loss 1.0. Gains: 0.3, 0.05, 0.2, -1: the first and the third pass.
    inbox = one_node(0, [4, 100, 8, 100], own_loss=1.0, losses=[0.7, 0.95, 0.8, 2.0])
    mix = aggregate(RULE, inbox)
    assert selected(mix) == [0, 2]
    assert mix.models.item() == 3  # 0.5 * 0 + 0.5 * 6
    assert not mix.fallback.any()


@pytest.mark.parametrize("theta", [0.25, 0.0, -0.25])
def test_a_gain_of_exactly_theta_passes(theta):
    # Quarters are exact in float32, which losses are: 1 - 0.75 = 0.25, and the next float below isn't enough.
    rule = LossThreshold(name="loss_threshold", theta=theta, theta_min=-0.25)
    exact = 1 - theta
    above = torch.nextafter(torch.tensor(exact), torch.tensor(2.0)).item()
    assert selected(aggregate(rule, one_node(0, [1, 2], own_loss=1.0, losses=[exact, above]))) == [0]


def test_without_a_detection_nothing_is_selected_where_nobody_passes():
    inbox = one_node(5, [1, 2], own_loss=1.0, losses=[0.95, 0.99])
    mix = aggregate(RULE, inbox)
    assert selected(mix) == []
    assert mix.models.item() == 5
    assert mix.fallback.tolist() == [False]


def test_theta_through_a_whole_episode():
    """Every epoch of one node, from the first minimum to a theta that cannot fall any more."""
    episode = [
        # (test error, theta afterwards)
        (0.90, 0.1),  # minimum
        (0.50, 0.1),  # minimum
        (0.50, 0.1),  # 1: an equal error improves nothing
        (0.60, 0.1),  # 2
        (0.55, 0.1),  # 3: better than the last, not than the minimum
        (0.70, 0.1),  # 4
        (0.51, 0.0),  # 5: the first detection, and the count starts again
        (0.60, 0.0),  # 1: the minimum is still 0.50
        (0.60, 0.0),  # 2
        (0.60, 0.0),  # 3
        (0.60, 0.0),  # 4
        (0.40, 0.0),  # minimum: in a row means in a row, the count starts again
        (0.41, 0.0),  # 1
        (0.42, 0.0),  # 2
        (0.43, 0.0),  # 3
        (0.44, 0.0),  # 4
        (0.45, -0.1),  # 5: the second detection
        (0.45, -0.1),  # 1
        (0.45, -0.1),  # 2
        (0.45, -0.1),  # 3
        (0.45, -0.1),  # 4
        (0.45, -0.1),  # 5: the third; it falls no further
        (0.10, -0.1),  # minimum: it never rises
        *[(0.20, -0.1)] * 12,
    ]
    state = RULE.init(1, 0)
    assert RULE.report(state)["theta"].tolist() == [0.1]
    thetas = []
    for error, _ in episode:
        state = epoch(RULE, state, error)
        thetas += RULE.report(state)["theta"].tolist()
    # Equal, not almost: 0.1 - 0.1 - 0.1 in floats would be -0.1 here, but 0.3 - 0.1 - 0.1 - 0.1 isn't 0.
    assert thetas == [theta for _, theta in episode]


def test_theta_takes_exact_decimal_values():
    rule = LossThreshold(name="loss_threshold", theta=0.3, theta_step=0.1, theta_min=-0.1, patience=1)
    state, thetas = epoch(rule, rule.init(1, 0), 0.5), []
    for _ in range(6):
        thetas += rule.report(state)["theta"].tolist()
        state = epoch(rule, state, 0.5)
    assert thetas == [0.3, 0.2, 0.1, 0.0, -0.1, -0.1]


def test_a_last_step_that_is_too_long_ends_at_theta_min():
    # max(0.1 - 0.15, -0.1) = -0.05, then max(-0.2, -0.1) = -0.1
    rule = LossThreshold(name="loss_threshold", theta_step=0.15, patience=1)
    state, thetas = epoch(rule, rule.init(1, 0), 0.5), []
    for _ in range(4):
        thetas += rule.report(state)["theta"].tolist()
        state = epoch(rule, state, 0.5)
    assert thetas == [0.1, -0.05, -0.1, -0.1]


def test_patience_counts_epochs():
    rule = LossThreshold(name="loss_threshold", patience=2)
    # minimum, 1, 2: detected; a node that has just started is not.
    assert rule.report(after(rule, [0.5, 0.5]))["theta"].tolist() == [0.1]
    assert rule.report(after(rule, [0.5, 0.5, 0.5]))["theta"].tolist() == [0.0]


def test_nodes_count_for_themselves_when_their_epochs_end_in_different_rounds():
    # Node 0 ends an epoch every round, node 1 every second; node 2 keeps on improving.
    rule = LossThreshold(name="loss_threshold", patience=3)
    rounds = [
        # (errors, thetas afterwards)
        ((0.5, None, 0.9), [0.1, 0.1, 0.1]),
        ((0.5, 0.5, 0.8), [0.1, 0.1, 0.1]),  # node 0: 1; node 1: its first minimum
        ((0.5, None, 0.7), [0.1, 0.1, 0.1]),  # node 0: 2
        ((0.5, 0.6, 0.6), [0.0, 0.1, 0.1]),  # node 0: 3, detected; node 1: 1
        ((0.5, None, 0.5), [0.0, 0.1, 0.1]),
        ((0.5, 0.6, 0.4), [0.0, 0.1, 0.1]),  # node 1: 2
        ((None, None, 0.3), [0.0, 0.1, 0.1]),  # node 0 stays at 2 stale epochs
        ((0.5, 0.6, 0.2), [-0.1, 0.0, 0.1]),  # node 0: 3; node 1: 3
    ]
    state = rule.init(3, 0)
    for errors, thetas in rounds:
        state = epoch(rule, state, *errors)
        assert rule.report(state)["theta"].tolist() == thetas
    assert state.detected.tolist() == [True, True, False]


def test_what_was_handed_in_stays_as_it_was():
    state = after(RULE, [0.5] * 5)
    before = [field.clone() for field in state]
    epoch(RULE, state, 0.5)
    assert all(torch.equal(a, b) for a, b in zip(state, before, strict=True))


def test_an_error_that_is_not_a_number_is_no_improvement():
    # A model that has diverged (monitor_metric=loss): 0.5 stays the minimum, five such epochs are a detection.
    state = after(RULE, [0.5, *[math.nan] * 5])
    assert state.best.tolist() == [0.5]
    assert RULE.report(state)["theta"].tolist() == [0.0]


def test_the_fall_back_selects_the_least_loss_after_the_first_detection():
    # theta is 0.0 now; gains -0.3 and -0.2 do not pass: the second is the least loss.
    mix = aggregate(RULE, one_node(0, [4, 8], own_loss=1.0, losses=[1.3, 1.2]), after(RULE, OVERFITTED))
    assert selected(mix) == [1]
    assert mix.models.item() == 4
    assert mix.fallback.tolist() == [True]


def test_the_epoch_before_the_detection_has_no_fall_back():
    mix = aggregate(RULE, one_node(0, [4, 8], own_loss=1.0, losses=[1.3, 1.2]), after(RULE, OVERFITTED[:-1]))
    assert selected(mix) == []


def test_the_fall_back_stays_when_errors_improve_again():
    state = after(RULE, [*OVERFITTED, 0.4, 0.3, 0.2])
    assert selected(aggregate(RULE, one_node(0, [4], own_loss=1.0, losses=[9.0]), state)) == [0]


def test_no_fall_back_where_somebody_passes():
    # theta 0.0: only the gain of 0.2 passes; the fall-back would take the same, but it was not needed.
    mix = aggregate(RULE, one_node(0, [4, 8], own_loss=1.0, losses=[0.8, 1.2]), after(RULE, OVERFITTED))
    assert selected(mix) == [0]
    assert mix.fallback.tolist() == [False]


def test_the_fall_back_takes_the_left_of_equal_losses():
    state = after(RULE, OVERFITTED)
    assert selected(aggregate(RULE, one_node(0, [1, 2, 3], own_loss=1.0, losses=[7.0, 3.0, 3.0]), state)) == [1]


def test_the_fall_back_never_takes_a_loss_or_model_that_is_not_finite():
    inbox = one_node(5, [math.nan, 2, 3], own_loss=1.0, losses=[0.5, math.inf, math.nan])
    mix = aggregate(RULE, inbox, after(RULE, OVERFITTED))
    assert selected(mix) == []
    assert mix.models.item() == 5
    assert mix.fallback.tolist() == [False]


def test_a_node_falls_back_only_after_its_own_detection():
    state = RULE.init(2, 0)
    for error in OVERFITTED:
        state = epoch(RULE, state, error, None)
    inbox = make_inbox([0, 0], [[2], [2]], own_losses=[1.0, 1.0], losses=[[1.5], [1.5]])
    mix = aggregate(RULE, inbox, state)
    assert [selected(mix, i) for i in range(2)] == [[0], []]
    assert mix.fallback.tolist() == [True, False]


def test_theta_is_each_nodes_own():
    # Node 0 is at theta -0.1 after two detections, and accepts a loss of 1.05 against 1.0; node 1, at 0.1, doesn't.
    state = RULE.init(2, 0)
    for error in [*OVERFITTED, *[0.5] * 5]:
        state = epoch(RULE, state, error, None)
    inbox = make_inbox([0, 0], [[2, 2], [2, 2]], own_losses=[1.0, 1.0], losses=[[1.05, 1.2], [1.05, 0.85]])
    mix = aggregate(RULE, inbox, state)
    assert [selected(mix, i) for i in range(2)] == [[0], [1]]


def test_a_diverged_node_takes_everything_that_is_finite():
    # An own loss that is not finite counts as infinity: every finite loss gains more than theta.
    inbox = one_node(0, [2, 4, 6], own_loss=math.nan, losses=[1e9, math.inf, 0.5])
    assert selected(aggregate(RULE, inbox)) == [0, 2]


@pytest.mark.parametrize("monitor", ["test", "validation"])
@pytest.mark.parametrize("metric", ["error", "loss"])
def test_what_is_monitored_is_what_was_configured(monitor, metric):
    rule = LossThreshold(name="loss_threshold", monitor=monitor, monitor_metric=metric)
    asked = []

    def measure(of, what):
        asked.append((of, what))
        return torch.tensor([0.5], dtype=torch.float64)

    rule.end_epoch(rule.init(1, 0), torch.tensor([True]), measure)
    assert asked == [(monitor, metric)]


@pytest.mark.parametrize(("screen", "fresh"), [("batch", False), ("fresh", True)])
def test_losses_are_asked_for_on_the_batch_that_was_configured(screen, fresh):
    inbox = one_node(0, [1], own_loss=1.0, losses=[0.5])
    aggregate(LossThreshold(name="loss_threshold", screen=screen), inbox)
    # One call for the own loss and the others': both sides of eq. 4 are measured on the same batch.
    assert inbox.loss_of.fresh == [fresh]
    assert inbox.loss_of.asked == [(0, 0), (0, 1)]


def test_the_default_is_the_papers():
    assert (RULE.monitor, RULE.monitor_metric, RULE.screen) == ("test", "error", "batch")
    assert (RULE.alpha, RULE.theta, RULE.theta_step, RULE.theta_min, RULE.patience) == (0.5, 0.1, 0.1, -0.1, 5)


def test_theta_min_above_theta_is_refused():
    with pytest.raises(ValueError, match=r"theta_min is 0\.2, but must be a number, at most theta=0\.1"):
        LossThreshold(name="loss_threshold", theta_min=0.2)


def test_validation_needs_a_hold_out():
    rule = LossThreshold(name="loss_threshold", monitor="validation")
    network = graph(2, [(0, 1)])
    rule.check(Conditions(network, validation=0.1))
    with pytest.raises(
        ConfigError,
        match=r"defense\.monitor is 'validation', but must be test, unless partition\.validation is above 0",
    ):
        rule.check(Conditions(network))


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(1, 5))
def test_theta_never_rises_and_falls_at_most_every_patience_epochs(errors, patience):
    rule = LossThreshold(name="loss_threshold", patience=patience)
    state, thetas = rule.init(1, 0), [0.1]
    for error in errors:
        state = epoch(rule, state, error / 20)
        thetas += rule.report(state)["theta"].tolist()
    assert set(thetas) <= {0.1, 0.0, -0.1}
    falls = [t for t in range(1, len(thetas)) if thetas[t] != thetas[t - 1]]
    assert all(thetas[t] < thetas[t - 1] for t in falls)
    # The first epoch is a minimum, so that the first fall needs one epoch more.
    assert all(b - a >= patience for a, b in zip([1, *falls], falls, strict=False))
    # And whatever falls was a stretch of `patience` epochs above or at the minimum so far.
    assert all(min(errors[t - patience : t]) >= min(errors[: t - patience]) for t in falls)


@given(
    st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 40)), min_size=1, max_size=6),
    st.integers(-500, 500),
    st.booleans(),
)
def test_where_the_models_stand_plays_no_part(neighbours, shift, late):
    """It selects by loss alone; a shift of all models shifts the result."""
    losses = [loss / 8 for _, loss in neighbours]
    state = after(RULE, OVERFITTED) if late else None
    here = aggregate(RULE, one_node(0, [x for x, _ in neighbours], own_loss=2.0, losses=losses), state)
    there = aggregate(RULE, one_node(shift, [x + shift for x, _ in neighbours], own_loss=2.0, losses=losses), state)
    # theta 0.1 between the eighths 0 and 1/8; theta 0 lets an equal loss pass, too; then the least loss.
    passes = [j for j, loss in enumerate(losses) if (loss <= 2.0 if late else loss <= 1.875)]
    assert selected(here) == selected(there) == (passes or ([losses.index(min(losses))] if late else []))
    assert there.models.item() == pytest.approx(here.models.item() + shift, abs=1e-3)


@pytest.mark.parametrize("keys", [{"theta": 1e30}, {"theta": 1e5}, {"theta_step": 1e-8}])
def test_the_number_of_steps_of_theta_is_bounded(keys):
    with pytest.raises(
        ConfigError, match=r"theta_step is .*, but must be large enough to reach theta_min from theta in at most"
    ):
        chosen("defense", "loss_threshold", **keys)
    assert chosen("defense", "loss_threshold", theta=1e30, theta_min=1e30).thetas == [1e30]
