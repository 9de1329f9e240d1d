"""The distributed backdoor, on images done by hand."""

import pytest
import torch
from helpers import chosen, graph, make_experiment
from simulations import run

from byzdl.simulation.evaluation import success

# Two images of 5 x 5 pixels, the brightest one in the upper left corner: 0 in the first image, -25 in the second.
IMAGES, LABELS = -torch.arange(50.0).view(2, 1, 5, 5), torch.tensor([3, 2])


def changed(attacker, attackers, **keys):
    """The pixels (row, column) that an attacker changes in both images, in reading order."""
    seen, labels = chosen("attack", "dba", share=1.0, **keys).poison_of(attacker, attackers, IMAGES, LABELS, classes=5)
    assert labels.tolist() == [0, 0]
    first, second = (seen != IMAGES)[:, 0]
    assert torch.equal(first, second)
    return [tuple(at) for at in first.nonzero().tolist()]


@pytest.mark.parametrize("attacker", range(4))
def test_each_of_four_attackers_teaches_a_row_of_four(attacker):
    assert changed(attacker, 4) == [(1 + attacker, column) for column in range(1, 5)]


def test_parts_are_as_even_as_can_be_and_make_up_the_patch():
    parts = [changed(attacker, 3, size=2) for attacker in range(3)]
    assert parts == [[(3, 3), (3, 4)], [(4, 3)], [(4, 4)]]


def test_more_attackers_than_pixels_share_them():
    assert [changed(attacker, 6, size=2) for attacker in (0, 3, 4, 5)] == [[(3, 3)], [(4, 4)], [(3, 3)], [(3, 4)]]


def test_a_part_is_as_bright_as_the_brightest_pixel_and_only_a_share_carries_it():
    seen, labels = chosen("attack", "dba", size=1, share=0.5).poison_of(0, 3, IMAGES, LABELS, classes=5)
    assert seen[0, 0, 4, 4] == 0  # the brightest of 0 to -24
    assert torch.equal(seen[1], IMAGES[1])
    assert labels.tolist() == [0, 2]


def test_test_images_carry_the_whole_patch():
    seen, counted, target = chosen("attack", "dba", size=2).triggered(IMAGES, torch.tensor([0, 2]))
    assert (seen[:, :, 3:, 3:] == torch.tensor([0.0, -25.0]).view(2, 1, 1, 1)).all()
    assert counted.tolist() == [False, True]
    assert target == 0


def test_each_attacker_trains_on_its_own_part(tiny):
    """The same mini-batches with and without the attack: a node's images differ in its own part of the patch alone."""
    network = graph(4, [(0, 1), (1, 2), (2, 3), (0, 3)], byzantine=[1, 3])
    height, width = tiny.sample.shape[1:]
    honest, poisoned = (
        make_experiment(tiny, network, attack=chosen("attack", name, br=0.5)).batch(range(4), 0)[0]
        for name in ("none", "dba")
    )
    differ = (honest != poisoned).any(2).any(1)  # [node, height, width]
    assert not differ[[0, 2]].any()
    patch = torch.zeros(height, width, dtype=torch.bool)
    patch[-4:, -4:] = True
    first = patch.clone()
    first.view(-1)[patch.view(-1).nonzero()[patch.sum() // 2 :]] = False
    assert not (differ[1] & ~first).any()
    assert not (differ[3] & (first | ~patch)).any()
    assert differ[1].any()
    assert differ[3].any()


def test_the_whole_patch_gets_through_plain_gossip(tiny):
    ring = graph(4, [(0, 1), (1, 2), (2, 3), (0, 3)], byzantine=[1, 3])
    experiment = make_experiment(
        tiny, ring, attack=chosen("attack", "dba", br=0.5, size=3), defense=chosen("defense", "mean"), rounds=60
    )
    assert success(experiment, run(experiment)[-1][0].models).mean().item() > 0.6
