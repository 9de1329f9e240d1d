"""Networks as one flat vector."""

import pytest
import torch
from torch import nn

from byzdl.models import Cnn, FlatModel, Linear, Mlp, Model, initialised

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("model", "shape", "d"),
    [
        (Linear(name="linear"), (1, 8, 8), 64 * 10 + 10),
        (Mlp(name="mlp", hidden=5), (1, 8, 8), 64 * 5 + 5 + 5 * 10 + 10),
        # CIFAR-10: 3x3 kernels of 3 -> 32 -> 64 channels, 8 x 8 x 64 features, 128 units
        (
            Cnn(name="cnn"),
            (3, 32, 32),
            (27 * 32 + 32) + (9 * 32 * 64 + 64) + (8 * 8 * 64 * 128 + 128) + (128 * 10 + 10),
        ),
        (
            Cnn(name="cnn", channels=[2, 3], hidden=4),
            (1, 28, 28),
            (9 * 2 + 2) + (9 * 2 * 3 + 3) + (49 * 3 * 4 + 4) + 50,
        ),
    ],
    ids=["linear", "mlp", "cnn cifar", "cnn mnist"],
)
def test_dimension(model: Model, shape: tuple[int, int, int], d: int) -> None:
    flat = FlatModel(initialised(model, shape, 10, seed=0), CPU)
    assert flat.d == d
    assert flat.initial.shape == (d,)
    assert flat.logits(flat.initial, torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("model", [Mlp(name="mlp", hidden=5), Cnn(name="cnn", channels=[3, 4], hidden=6)])
def test_loss_and_gradient_are_those_of_the_plain_module(model: Model) -> None:
    module = initialised(model, (1, 8, 8), 10, seed=0)
    flat = FlatModel(initialised(model, (1, 8, 8), 10, seed=0), CPU)
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(6, 1, 8, 8, generator=generator), torch.arange(6)
    loss = nn.functional.cross_entropy(module(images), labels)
    loss.backward()
    torch.testing.assert_close(flat.loss(flat.initial, images, labels), loss.detach())

    # The parameters are views: a step along the flat gradient is the step of the plain module.
    x = flat.initial - 0.5 * flat.gradient(flat.initial, images, labels)
    with torch.no_grad():
        for p in module.parameters():
            p -= 0.5 * p.grad
    torch.testing.assert_close(flat.logits(x, images), module(images).detach())
    # and pointing at another vector moves nothing in the first
    torch.testing.assert_close(flat.loss(flat.initial, images, labels), loss.detach())


def test_pooling_before_relu_is_the_function_of_the_textbook_order() -> None:
    module = initialised(Cnn(name="cnn", channels=[3, 4], hidden=6), (1, 8, 8), 10, seed=1)
    conv1, _, _, conv2, _, _, flatten, linear1, relu, linear2 = module
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    hidden = nn.functional.max_pool2d(conv1(images).relu(), 2)
    hidden = nn.functional.max_pool2d(conv2(hidden).relu(), 2)
    torch.testing.assert_close(module(images), linear2(relu(linear1(flatten(hidden)))))


def test_the_initial_model_is_the_seeds_and_leaves_global_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    one, again, other = (FlatModel(initialised(Mlp(name="mlp"), (1, 8, 8), 10, s), CPU).initial for s in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_model_with_buffers_is_refused() -> None:
    with pytest.raises(ValueError, match="buffers"):
        FlatModel(nn.Sequential(nn.BatchNorm2d(3)), CPU)
