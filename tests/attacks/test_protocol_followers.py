"""label_flip and none: Byzantine nodes that train, and send their own models."""

import pytest
import torch
from helpers import delivered, view

from byzdl.attacks.label_flip import LabelFlip
from byzdl.attacks.none import NoAttack

LABEL_FLIP = LabelFlip(name="label_flip", br=0.3)
NONE = NoAttack(name="none", br=0.3)


def test_labels_are_mirrored():
    # C = 5: 0 <-> 4, 1 <-> 3, and 2 stays.
    images, labels = torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 2, 3, 4])
    seen, flipped = LABEL_FLIP.poison(images, labels, classes=5)
    assert flipped.tolist() == [4, 3, 2, 1, 0]
    assert torch.equal(seen, images)


def test_no_attack_leaves_data_alone():
    images, labels = torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 2])
    seen, same = NONE.poison(images, labels, classes=5)
    assert torch.equal(seen, images)
    assert torch.equal(same, labels)


@pytest.mark.parametrize("attack", [LABEL_FLIP, NONE], ids=["label_flip", "none"])
def test_each_attacker_sends_its_own_model_to_all_of_its_neighbours(attack):
    # Attacker 0 is at 10, attacker 1 at 20; the messages are 0 -> 3, 1 -> 3, 1 -> 5, 0 -> 6.
    seen = view([[1.0], [2.0]], byzantine=2, own=[[10.0], [20.0]], attacker=[0, 1, 1, 0], victim=[3, 3, 5, 6])
    assert delivered(attack, seen).tolist() == [[10], [20], [20], [10]]


@pytest.mark.parametrize("attack", [LABEL_FLIP, NONE], ids=["label_flip", "none"])
def test_they_follow_the_protocol(attack):
    assert attack.follows_protocol
