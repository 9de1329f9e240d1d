"""What a node with turned images trains on, and what it is measured on."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from helpers import graph, make_experiment, module_at
from torch import Tensor
from torch.nn.functional import cross_entropy

from byzdl.attacks.label_flip import LabelFlip
from byzdl.config.types import ConfigError
from byzdl.data import Data, Iid, Rotation
from byzdl.defenses.mean import Mean
from byzdl.models import Cnn, Linear
from byzdl.samples import Sample
from byzdl.simulation.evaluation import Scores, evaluate
from byzdl.simulation.experiment import Experiment
from byzdl.simulation.rounds import one_round

EDGES = [(0, 1), (1, 2), (2, 3), (3, 0)]


def experiment_with(data: Data, partition: Any, **keys: Any) -> Experiment:
    return make_experiment(data, graph(4, EDGES, byzantine=[3]), partition=partition, **keys)


def turned(images: Tensor, angle: int) -> Tensor:
    """Anticlockwise, from its definition: pixel (y, x) of a quarter's turn is pixel (x, last - y)."""
    for _ in range(angle // 90):
        images = torch.stack([images[..., :, images.shape[-1] - 1 - y] for y in range(images.shape[-1])], dim=-2)
    return images


ROTATION = Rotation(name="rotation", angles=[90, 180, 270, 0], validation=0.2)


def angles_of(rotation: Rotation, nodes: int = 4) -> list[int]:
    return [rotation.angle(node, seed=0) for node in range(nodes)]


def test_the_nodes_of_these_tests_differ() -> None:
    assert len(set(angles_of(ROTATION))) >= 2
    assert any(angles_of(ROTATION))


@pytest.mark.parametrize("fresh", [False, True])
def test_a_node_trains_and_screens_on_its_turned_images(tiny: Data, fresh: bool) -> None:
    attack = LabelFlip(name="label_flip", br=0.25)
    mine = experiment_with(tiny, ROTATION, attack=attack)
    plain = experiment_with(tiny, Iid(name="iid", validation=0.2), attack=attack)
    for t in range(3):
        (images, labels), (upright, plain_labels) = (e.batch([0, 1, 2, 3], t, fresh) for e in (mine, plain))
        assert torch.equal(labels, plain_labels)
        for node, angle in enumerate(angles_of(ROTATION)):
            assert torch.equal(images[node], turned(upright[node], angle))


def test_the_data_themselves_stay_as_they_are(tiny: Data) -> None:
    before = tiny.train.inputs.clone()
    experiment = experiment_with(tiny, ROTATION)
    one_round(experiment, experiment.initial())
    assert torch.equal(tiny.train.inputs, before)


@pytest.mark.parametrize("model", [Linear(name="linear"), Cnn(name="cnn", channels=[2, 3], hidden=4)])
@pytest.mark.parametrize("test", ["upright", "own"])
def test_accuracy_is_measured_on_the_images_that_the_key_says(tiny: Data, test: str, model: Any) -> None:
    rotation = ROTATION.model_copy(update={"test": test})
    experiment = experiment_with(tiny, rotation, defense=Mean(name="mean"), model=model)
    state = one_round(experiment, experiment.initial())[0]
    scores = Scores(experiment, state.models)
    on_test, on_own = scores.of([2, 0, 1], "test"), scores.of([2, 0, 1], "validation")
    upright, labels = tiny.test.batch(torch.arange(len(tiny.test)))
    for place, node in enumerate([2, 0, 1]):
        module = module_at(model, tiny, state.models[node])
        angle = rotation.angle(node, seed=0)
        with torch.no_grad():
            logits = module(turned(upright, angle if test == "own" else 0))
            own, own_labels = tiny.train.batch(torch.from_numpy(experiment.batches.holdings[node].validation))
            own_logits = module(turned(own, angle))
        assert on_test.loss[place].item() == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-5)
        assert on_test.score[place].item() == (logits.argmax(1) == labels).double().mean().item()
        assert on_own.loss[place].item() == pytest.approx(cross_entropy(own_logits, own_labels).item(), rel=1e-5)
    assert evaluate(experiment, state, scores).score.tolist() == scores.of([0, 1, 2], "test").score.tolist()


def test_images_that_are_not_square_are_turned_upside_down_alone(tiny: Data) -> None:
    def cut(split: Any) -> Any:
        parts = {key: getattr(split, key)[..., :3, :] for key in ("mean", "std")}
        return replace(split, inputs=split.inputs[:, :, :3], **parts)

    narrow = replace(tiny, train=cut(tiny.train), test=cut(tiny.test), sample=Sample((1, 4, 3)))
    with pytest.raises(
        ConfigError, match=r"partition\.angles is \[0, 90\], but must be a list of 0 and 180, .*\(4 x 3\)"
    ):
        experiment_with(narrow, Rotation(name="rotation", angles=[0, 90]))
    half = experiment_with(narrow, Rotation(name="rotation", angles=[180]))
    plain = experiment_with(narrow, Iid(name="iid"))
    assert torch.equal(half.batch([0], 0)[0], turned(plain.batch([0], 0)[0], 0).flip(-1, -2))
