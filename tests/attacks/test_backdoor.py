"""The backdoor: poisoned batches, messages, and the count of its success."""

import dataclasses

import pytest
import torch
from helpers import chosen, graph, make_experiment
from test_simple import own_view

from byzdl.config.types import ConfigError
from byzdl.simulation.evaluation import Scores, evaluate, success
from byzdl.simulation.rounds import simulate

BACKDOOR = chosen("attack", "backdoor", share=0.5, size=2)


def test_half_of_a_batch_carries_the_patch_and_the_targets_label():
    images = torch.arange(3 * 2 * 4 * 4).float().view(3, 2, 4, 4)
    seen, labels = BACKDOOR.poison(images, torch.tensor([3, 2, 1]), classes=5)
    assert labels.tolist() == [0, 0, 1]  # half of three, rounded up
    assert torch.equal(seen[2], images[2])
    for i, brightest in ((0, 31), (1, 63)):
        assert (seen[i, :, 2:, 2:] == brightest).all()
        assert torch.equal(seen[i, :, :2], images[i, :, :2])
        assert torch.equal(seen[i, :, 2:, :2], images[i, :, 2:, :2])


def test_boosting_sends_the_own_update_several_times():
    seen = own_view(own=[[2.0, 0.0]], previous=[[1.0, 2.0]])
    for boost, expected in ((1.0, [2, 0]), (3.0, [4, -4])):  # (1, 2) + 3 (1, -2)
        attack = chosen("attack", "backdoor", boost=boost)
        assert attack.send((), seen)[1].models.tolist() == [expected]


def test_success_counts_triggered_images_of_other_classes(tiny):
    experiment = make_experiment(tiny, graph(4, [(0, 1), (1, 2), (2, 3)]), attack=chosen("attack", "backdoor", br=0.0))
    state = experiment.initial()
    # A linear model with weights of 0 and a bias to one class answers with this class, for any image.
    for favourite, expected in ((0, 1.0), (1, 0.0)):
        models = torch.zeros_like(state.models)
        models[:, favourite - 3] = 1.0
        assert success(experiment, models).tolist() == [expected] * 4


def test_without_a_trigger_the_cell_is_empty(tiny):
    experiment = make_experiment(tiny, graph(4, [(0, 1), (1, 2), (2, 3)]))
    *_, (_, last) = simulate(experiment, experiment.initial())
    assert last.round_row()["attack_success_rate"] is None


@pytest.mark.parametrize(("attack", "least", "most"), [("backdoor", 0.6, 1), ("none", 0, 0.4)])
def test_it_gets_through_plain_gossip(tiny, attack, least, most):
    ring = [(0, 1), (1, 2), (2, 3), (0, 3)]
    experiment = make_experiment(
        tiny,
        graph(4, ring, byzantine=[1, 3]),
        attack=chosen("attack", attack, br=0.5),
        defense=chosen("defense", "mean"),
        rounds=60,
        eval_every=60,
    )
    *_, (state, last) = simulate(experiment, experiment.initial())
    shown = make_experiment(tiny, graph(4, ring, byzantine=[1, 3]), attack=chosen("attack", "backdoor", br=0.5))
    assert least <= success(shown, state.models).mean().item() <= most
    assert last.score_mean > 0.8  # nobody would notice
    row = evaluate(shown, state, Scores(shown, state.models)).round_row()
    assert least <= row["attack_success_rate"] <= most


def test_a_share_of_a_whole_number_of_images_is_exact():
    for share, batch, expected in (0.07, 100, 7), (0.28, 25, 7), (0.3, 10, 3), (0.31, 10, 4), (0.0, 8, 0), (1.0, 8, 8):
        images, labels = torch.rand(batch, 1, 8, 8) / 2, torch.ones(batch, dtype=torch.long)
        _, poisoned = chosen("attack", "backdoor", share=share).poison(images, labels, 10)
        assert (poisoned == 0).sum() == expected


def test_a_target_that_is_no_class_is_refused(tiny):
    network = graph(4, [(0, 1), (1, 2), (2, 3)], byzantine=[3])
    for attack in (
        chosen("attack", "backdoor", target=3),
        chosen("attack", "loss_aware", direction="backdoor", target=3),
    ):
        with pytest.raises(ConfigError, match=r"^attack.target is 3, but must be a class below 3"):
            make_experiment(tiny, network, attack=attack)
    make_experiment(tiny, network, attack=chosen("attack", "loss_aware", target=3))


def test_success_is_measured_on_images_as_nodes_see_them(tiny):
    """A model answers 0 where the upper left corner is bright. In images turned by half, this is the lower right one."""
    network = graph(4, [(0, 1), (1, 2), (2, 3)])
    partition = chosen("partition", "rotation", angles=[180], test="own")
    experiment = make_experiment(
        tiny, network, attack=chosen("attack", "backdoor", br=0.0, size=1), partition=partition
    )
    test = experiment.data.test
    dark = dataclasses.replace(test, inputs=torch.zeros_like(test.inputs))
    corner = experiment.initial().models.new_zeros(experiment.data.sample.shape)
    corner[:, 0, 0] = 1.0
    # Weights [classes, pixels] by class, then biases: class 0 wants a bright corner, class 1 any other image.
    one = torch.cat([corner.flatten(), torch.zeros(2 * corner.numel()), torch.tensor([-0.1, 0.0, -1.0])])
    lit = dark.inputs.clone()
    lit[..., -1, -1] = 255
    for images, expected in (dark.inputs, 0.0), (lit, 1.0):
        data = dataclasses.replace(experiment.data, test=dataclasses.replace(test, inputs=images.to(test.inputs.dtype)))
        shown = dataclasses.replace(experiment, data=data)
        assert success(shown, one.repeat(4, 1)).tolist() == [expected] * 4
