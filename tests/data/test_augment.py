"""Cropped and mirrored images, found again pixel by pixel."""

from typing import Any

import pytest
import torch
from helpers import chosen, graph, make_experiment
from torch import Tensor

from byzdl.attacks.backdoor import Backdoor
from byzdl.config.compose import compose
from byzdl.config.types import ConfigError
from byzdl.data import Data, Iid, Rotation
from byzdl.data.augment import Augmentation
from byzdl.simulation.evaluation import Scores
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.settings import parse

EDGES = [(0, 1), (1, 2), (2, 3), (3, 0)]
BOTH = ["crop", "flip"]


def pictures(nodes: int = 2, b: int = 5, height: int = 9, width: int = 16) -> Tensor:
    """Images [nodes, b, 2, height, width] in which every pixel has a value of its own, and none is 0; channels last in memory."""
    count = nodes * b * height * width * 2
    return torch.arange(1.0, count + 1).view(nodes, b, height, width, 2).movedim(-1, -3)


def shifted(image: Tensor, down: int, right: int) -> Tensor:
    """An image of which one sees what is so many pixels further down and right; zeros where there is nothing."""
    seen = torch.zeros_like(image)
    height, width = image.shape[-2:]
    for y in range(height):
        for x in range(width):
            if 0 <= y + down < height and 0 <= x + right < width:
                seen[:, y, x] = image[:, y + down, x + right]
    return seen


def offset(image: Tensor, cropped: Tensor) -> tuple[int, int]:
    """By how much an image was shifted, from where a pixel in its middle now stands."""
    y, x = image.shape[-2] // 2, image.shape[-1] // 2
    ((down, right),) = (cropped[0] == image[0, y, x]).nonzero().tolist()
    return y - down, x - right


@pytest.mark.parametrize(("height", "width", "most"), [(9, 16, (2, 2)), (8, 4, (1, 1)), (32, 33, (4, 5))])
def test_crops_are_parts_of_the_padded_image(height: int, width: int, most: tuple[int, int]) -> None:
    images = pictures(height=height, width=width)
    cropped = Augmentation(["crop"], seed=0)(images, [3, 5], 7)
    for image, found in zip(images.flatten(0, 1), cropped.flatten(0, 1), strict=True):
        down, right = offset(image, found)
        assert abs(down) <= most[0]
        assert abs(right) <= most[1]
        assert torch.equal(found, shifted(image, down, right))


def test_every_place_of_the_part_is_as_likely() -> None:
    images = pictures(nodes=1, b=2500)
    cropped = Augmentation(["crop"], seed=0)(images, [0], 0)
    places = [offset(image, found) for image, found in zip(images[0], cropped[0], strict=True)]
    counts = [places.count((down, right)) for down in range(-2, 3) for right in range(-2, 3)]
    assert sum(counts) == 2500
    assert 60 < min(counts) <= max(counts) < 140  # 100 each, give or take four standard deviations
    # And it says nothing of which are mirrored.
    mirrored = (Augmentation(["flip"], seed=0)(images, [0], 0) != images).flatten(2).any(2)[0].tolist()
    assert len(set(zip(places, mirrored, strict=True))) == 50


def test_flips_mirror_half_of_the_images_left_to_right() -> None:
    images = pictures(nodes=1, b=1000)
    flipped = Augmentation(["flip"], seed=0)(images, [0], 0)
    mirrored = (flipped != images).flatten(2).any(2)[0]
    assert 430 < mirrored.sum() < 570
    assert torch.equal(flipped[0, mirrored], torch.flip(images[0, mirrored], [-1]))
    assert torch.equal(flipped[0, ~mirrored], images[0, ~mirrored])


def test_what_is_drawn_for_one_change_does_not_depend_on_the_other() -> None:
    images = pictures(b=20)
    flipped, cropped, both = (
        Augmentation(changes, seed=0)(images, [1, 4], 2) for changes in (["flip"], ["crop"], BOTH)
    )
    mirrored = (flipped != images).flatten(2).any(2)
    assert mirrored.any()
    assert not mirrored.all()
    expected = torch.where(mirrored[:, :, None, None, None], cropped.flip(-1), cropped)
    assert torch.equal(both, expected)
    assert torch.equal(Augmentation(BOTH[::-1], seed=0)(images, [1, 4], 2), both)


def test_it_is_a_function_of_seed_node_and_mini_batch_alone() -> None:
    images = pictures(nodes=1, b=30).expand(2, -1, -1, -1, -1)
    change = Augmentation(BOTH, seed=0)
    first = change(images, [1, 4], 2)
    torch.manual_seed(5)
    assert torch.equal(change(images, [1, 4], 2), first)
    assert torch.equal(change(images[:1], [4], 2)[0], first[1])
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(change(images, [1, 4], 3), first)
    assert not torch.equal(Augmentation(BOTH, seed=1)(images, [1, 4], 2), first)


def test_images_stay_channels_last_and_what_came_in_as_it_was() -> None:
    images = pictures()
    changed = Augmentation(BOTH, seed=0)(images, [0, 1], 0)
    assert changed.movedim(-3, -1).is_contiguous()
    assert torch.equal(images, pictures())
    assert torch.equal(Augmentation([], seed=0)(images, [0, 1], 0), pictures())


# In a run


def experiment_with(data: Data, **keys: Any) -> Experiment:
    return make_experiment(data, graph(4, EDGES, byzantine=[3]), **keys)


def test_training_images_are_augmented_and_no_others(tiny: Data) -> None:
    partition = Iid(name="iid", validation=0.2)
    mine, upright = (experiment_with(tiny, augment=a, partition=partition, local_steps=2) for a in (BOTH, []))
    for t in range(3):
        for step in range(2):
            (images, labels), (plain, plain_labels) = (e.batch([0, 1, 2], t, step=step) for e in (mine, upright))
            assert torch.equal(labels, plain_labels)
            assert torch.equal(images, Augmentation(BOTH, seed=0)(plain, [0, 1, 2], 2 * t + step))
            assert not torch.equal(images, plain)
        # The mini-batch that models are screened on is the one that was trained on, to the bit.
        assert torch.equal(mine.batch([2], t)[0][0], images[2])
        assert torch.equal(mine.batch([0, 1, 2], t, fresh=True)[0], upright.batch([0, 1, 2], t, fresh=True)[0])
    models = mine.initial().models
    for of in ("test", "validation"):
        assert torch.equal(Scores(mine, models).of([0, 1], of).loss, Scores(upright, models).of([0, 1], of).loss)


def test_a_node_augments_what_it_sees(tiny: Data) -> None:
    """Turned images are mirrored as they are seen: left to right, not top to bottom."""
    rotation = Rotation(name="rotation", angles=[90])
    mine, upright = (experiment_with(tiny, augment=a, partition=rotation) for a in (BOTH, []))
    seen = upright.batch([0, 1, 2], 4)[0]
    assert torch.equal(mine.batch([0, 1, 2], 4)[0], Augmentation(BOTH, seed=0)(seen, [0, 1, 2], 4))


def test_a_trigger_lies_where_it_lies_in_test_images(tiny: Data) -> None:
    attack = Backdoor(name="backdoor", br=0.25, size=2, share=1.0)
    mine, honest = (experiment_with(tiny, augment=BOTH, attack=a) for a in (attack, chosen("attack", "none", br=0.25)))
    (images, labels), (clean, _) = (e.batch([3], 0) for e in (mine, honest))
    assert torch.equal(images[0], attack.stamped(clean[0]))
    assert not torch.equal(images, clean)
    assert not labels.any()
    # Benign nodes are none the wiser.
    assert torch.equal(mine.batch([0], 0)[0], honest.batch([0], 0)[0])


def parsed(*overrides: str) -> Any:
    return parse(compose(*overrides))


def test_the_keys_are_those_of_the_manual() -> None:
    settings = parsed("augment=[crop,flip]", "local_steps=3")
    assert (settings.augment, settings.local_steps) == (BOTH, 3)
    assert (parsed().augment, parsed().local_steps) == ([], 1)


@pytest.mark.parametrize("value", ["[crop,crop]", "[mixup]", "crop"])
def test_changes_that_are_none_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^augment is .*, but must be a list of crop and flip, each at most once$"):
        parsed(f"augment={value}")


def test_no_local_step_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^local_steps is 0, but must be an integer, at least 1$"):
        parsed("local_steps=0")
