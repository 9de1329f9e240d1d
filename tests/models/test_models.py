"""Networks, and networks as one flat vector."""

from functools import partial
from types import SimpleNamespace

import pytest
import torch
from helpers import choices, chosen, module_at
from helpers import flat as flattened
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torchvision.models import VisionTransformer

from byzdl.config.types import ConfigError
from byzdl.models import Cnn, Linear, Mlp, Model, PooledConvolution, ResNet, initialised
from byzdl.samples import Sample
from byzdl.simulation.flat_model import Batched, FlatModel, OneByOne, flat_model
from byzdl.testing.model import form, some_samples

CPU = torch.device("cpu")
WAYS = [OneByOne, Batched]
MODELS = [
    Linear(name="linear"),
    Mlp(name="mlp", hidden=5),
    Cnn(name="cnn", channels=[3, 4], hidden=6),
    ResNet(name="resnet", depth=8, width=4, groups=2),
]
SHAPE = (2, 8, 8)
LABELS = torch.arange(18).view(3, 6) % 10


def images(*shape: int) -> torch.Tensor:
    """Random images [*shape, channels, height, width], channels last in memory, as a data set gives them."""
    channels, height, width = SHAPE
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, height, width, channels, generator=generator).movedim(-1, -3)


def plain(model: Model, x: torch.Tensor) -> nn.Module:
    """A module filled from a flat vector, kernels from (out, height, width, in)."""
    module = initialised(model, Sample(SHAPE), 10, seed=9)
    start = 0
    for p in module.parameters():
        piece = x[start : start + p.numel()]
        start += p.numel()
        kernel = p.ndim == 4
        p.data = piece.view(p.shape[0], *p.shape[2:], p.shape[1]).permute(0, 3, 1, 2) if kernel else piece.view(p.shape)
    return module


def spread(flat: FlatModel, rows: int) -> torch.Tensor:
    """Models around the initial one [rows, d]."""
    return flat.initial + 0.05 * torch.randn(rows, flat.d, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", choices("model"))
def test_every_choice_is_one_flat_vector_and_back(name: str) -> None:
    """What every network keeps to, on small samples that it reads. New ones are found in `conf/`."""
    model = chosen("model", name)
    data = SimpleNamespace(sample=form(model, None), classes=10)
    module, again, other = (initialised(model, data.sample, data.classes, seed) for seed in (0, 0, 1))
    assert model.name == name
    assert not list(module.buffers())
    network = flat_model(module, CPU)
    assert torch.equal(network.initial, flattened(again))
    assert not torch.equal(network.initial, flattened(other))
    x = spread(network, 1)[0]
    there = module_at(model, data, x)
    assert torch.equal(flattened(there), x)
    seen = some_samples(model, None)
    answers = network.outputs(x[None], [0], seen)
    assert answers.shape == (1, 3, 10)
    assert torch.equal(network.outputs(x[None], [0], seen), answers)
    with torch.no_grad():
        torch.testing.assert_close(there.eval()(seen), answers[0], rtol=1e-4, atol=1e-4)
        # A sample's answer is its own, whoever is beside it.
        torch.testing.assert_close(there(seen[:1]), answers[0, :1], rtol=1e-4, atol=1e-4)


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
    flat = flat_model(initialised(model, Sample(shape), 10, seed=0), CPU)
    assert flat.d == d
    assert flat.initial.shape == (d,)
    assert flat.outputs(flat.initial[None], [0, 0, 0], torch.zeros(2, *shape)).shape == (3, 2, 10)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_initial_vector_is_the_module(model: Model, way: type[FlatModel]) -> None:
    flat = way(initialised(model, Sample(SHAPE), 10, seed=0), CPU)
    module, seen = initialised(model, Sample(SHAPE), 10, seed=0), images(6)
    torch.testing.assert_close(flat.outputs(flat.initial[None], [0], seen)[0], module(seen).detach())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_gradients_are_added_to_their_rows_and_are_those_of_the_plain_module(
    model: Model, way: type[FlatModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Batched, "at_once", 3)  # five learners: a part of three and one of two
    flat = way(initialised(model, Sample(SHAPE), 10, seed=0), CPU)
    models, seen, labels = spread(flat, 5), images(5, 6), torch.arange(30).view(5, 6) % 10
    untouched = models.clone()
    into = torch.ones(5, flat.d)
    flat.add_gradients(models, into, lambda part: (seen[part.start : part.stop], labels[part.start : part.stop]))
    for i in range(5):
        module = plain(model, models[i])
        nn.functional.cross_entropy(module(seen[i]), labels[i]).backward()
        # A step along the flat gradient is the step of the plain module.
        with torch.no_grad():
            for p in module.parameters():
                p.data = p - 0.5 * p.grad
        moved = models[i] - 0.5 * (into[i] - 1)
        torch.testing.assert_close(flat.outputs(moved[None], [0], seen[i])[0], module(seen[i]).detach())
    assert torch.equal(models, untouched)
    assert not models.requires_grad


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_losses_are_those_of_the_plain_module_where_they_are_wanted(
    model: Model, way: type[FlatModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Batched, "at_once", 4)  # two models a learner, three learners: two parts
    flat = way(initialised(model, Sample(SHAPE), 10, seed=0), CPU)
    models, seen, labels = spread(flat, 4), images(3, 6), torch.arange(18).view(3, 6) % 10
    rows = torch.tensor([[0, 3], [1, 1], [2, 0]])
    wanted = torch.tensor([[True, True], [True, False], [False, True]])
    losses = flat.losses(
        models, rows, wanted, lambda part: (seen[part.start : part.stop], labels[part.start : part.stop])
    )
    assert losses.shape == rows.shape
    for i, c in wanted.nonzero().tolist():
        expected = nn.functional.cross_entropy(plain(model, models[rows[i, c]])(seen[i]), labels[i])
        assert losses[i, c].item() == pytest.approx(expected.item(), rel=1e-5)


class Attention(Model):
    """A transformer over four patches of an image."""

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        transformer = VisionTransformer(
            image_size=8,
            patch_size=4,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            mlp_dim=6,
            dropout=0.9,
            attention_dropout=0.9,
            num_classes=outputs,
        )
        nn.init.normal_(transformer.heads.head.weight)
        return transformer


def test_attention_is_computed_alike_in_both_ways_and_without_dropout() -> None:
    seen = images(3, 6)[:, :, [0, 1, 1]]
    found = []
    for way in (OneByOne, OneByOne, Batched):
        flat = way(initialised(Attention(name="mine"), Sample((3, 8, 8)), 10, seed=0), CPU)
        models, into = spread(flat, 3), torch.zeros(3, flat.d)

        def feed(part: range) -> tuple[torch.Tensor, torch.Tensor]:
            return seen[part.start : part.stop], LABELS[part.start : part.stop]

        rows, wanted = torch.tensor([[0, 1], [1, 2], [2, 0]]), torch.ones(3, 2, dtype=torch.bool)
        with sdpa_kernel(SDPBackend.MATH):  # torch's fastest for a processor is for one model at a time, and warns
            flat.add_gradients(models, into, feed)
            found.append((into, flat.losses(models, rows, wanted, feed)))
    assert torch.equal(found[0][0], found[1][0])
    torch.testing.assert_close(found[2], found[0], rtol=1e-4, atol=1e-5)


def test_one_by_one_computes_nothing_that_is_not_asked_for() -> None:
    flat = OneByOne(initialised(Mlp(name="mlp"), Sample(SHAPE), 10, seed=0), CPU)
    asked = []

    def feed(part: range) -> tuple[torch.Tensor, torch.Tensor]:
        asked.extend(part)
        return images(1, 6), torch.zeros(1, 6, dtype=torch.long)

    rows, wanted = torch.tensor([[0, 1], [1, 1], [0, 0]]), torch.tensor([[True, False], [False, False], [True, True]])
    calls = []
    flat.module.register_forward_hook(lambda *call: calls.append(call))
    flat.losses(spread(flat, 2), rows, wanted, feed)
    assert asked == [0, 2]
    assert len(calls) == 2  # and the same model twice is evaluated once


@pytest.mark.parametrize("way", WAYS)
def test_screening_in_bf16_is_near_and_leaves_training_alone(way: type[FlatModel]) -> None:
    model = Cnn(name="cnn", channels=[3, 4], hidden=6)
    exact, coarse = (
        way(initialised(model, Sample(SHAPE), 10, 0), CPU, dtype) for dtype in (torch.float32, torch.bfloat16)
    )
    models, seen, labels = spread(exact, 3), images(3, 32), torch.arange(96).view(3, 32) % 10
    rows, wanted = torch.tensor([[0, 1], [1, 2], [2, 0]]), torch.ones(3, 2, dtype=torch.bool)

    def feed(part: range) -> tuple[torch.Tensor, torch.Tensor]:
        return seen[part.start : part.stop], labels[part.start : part.stop]

    one, other = (flat.losses(models, rows, wanted, feed) for flat in (exact, coarse))
    assert one.dtype == other.dtype == torch.float32
    # bfloat16 has 8 significant bits: near, but not the same.
    torch.testing.assert_close(other, one, rtol=2e-2, atol=0)
    assert not torch.equal(one, other)
    gradients = torch.zeros(2, 3, exact.d)
    for flat, into in zip((exact, coarse), gradients, strict=True):
        flat.add_gradients(models, into, feed)
    assert torch.equal(*gradients)


def test_the_way_suits_the_network() -> None:
    """Small layers on a processor go in batches; large ones and convolutions one after another; on a GPU all in batches."""

    def way(model: Model, shape: tuple[int, int, int], device: str = "cpu") -> type[FlatModel]:
        return type(flat_model(initialised(model, Sample(shape), 10, seed=0), torch.device(device)))

    assert way(Mlp(name="mlp"), (1, 8, 8)) is Batched
    assert way(Mlp(name="mlp"), (1, 28, 28)) is OneByOne
    assert way(Cnn(name="cnn", channels=[2, 3], hidden=4), (1, 8, 8)) is OneByOne
    assert way(Cnn(name="cnn", channels=[2, 3], hidden=4), (1, 8, 8), "meta") is Batched


@pytest.mark.parametrize("training", [False, True])
def test_pooling_first_is_the_function_of_the_textbook_order(training: bool) -> None:
    conv = PooledConvolution(3, 4)
    seen = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.set_grad_enabled(training):
        found = conv(seen)
    expected = nn.functional.max_pool2d(nn.functional.conv2d(seen, conv.weight, conv.bias, padding=1).relu(), 2)
    torch.testing.assert_close(found.detach(), expected.detach())
    if training:
        parameters = tuple(conv.parameters())
        torch.testing.assert_close(
            torch.autograd.grad(found.square().sum(), parameters),
            torch.autograd.grad(expected.square().sum(), parameters),
            rtol=1e-4,
            atol=1e-4,
        )


def test_the_initial_model_is_the_seeds_and_leaves_global_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    one, again, other = (
        flat_model(initialised(Mlp(name="mlp"), Sample((1, 8, 8)), 10, s), CPU).initial for s in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


class Normalised(Model):
    """A user's own, with a batch norm."""

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        return nn.Sequential(nn.BatchNorm2d(sample.shape[0]), nn.Flatten(), nn.LazyLinear(outputs))


def test_a_model_with_buffers_is_refused() -> None:
    with pytest.raises(ValueError, match="buffers"):
        flat_model(nn.Sequential(nn.BatchNorm2d(3)), CPU)
    with pytest.raises(
        ConfigError, match=r"^model is 'mine', but must be a network without buffers.*\(0\.running_mean\)$"
    ):
        initialised(Normalised(name="mine"), Sample(SHAPE), 10, seed=0)


class Anonymous(Model):
    """A user's own, whose batch norm keeps no statistics, and takes those of each batch."""

    lazy: bool

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        lazy, eager = nn.LazyBatchNorm2d, partial(nn.BatchNorm2d, sample.shape[0])
        norm = (lazy if self.lazy else eager)(affine=False, track_running_stats=False)
        return nn.Sequential(norm, Linear(name="linear").build(sample, outputs))


@pytest.mark.parametrize("lazy", [False, True])
def test_a_batch_norm_without_buffers_is_refused_too(lazy: bool) -> None:
    with pytest.raises(ConfigError, match=r"^model is 'mine', but must be a network without batch norms, .*\(0\)$"):
        initialised(Anonymous(name="mine", lazy=lazy), Sample(SHAPE), 10, seed=0)


class Dropping(Model):
    """Logistic regression behind a dropout that leaves next to nothing."""

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Dropout(0.99), Linear(name="linear").build(sample, outputs))


@pytest.mark.parametrize("way", WAYS)
def test_dropout_is_off_in_training_and_draws_nothing(way: type[FlatModel]) -> None:
    dropping, plain = (way(initialised(m, Sample(SHAPE), 10, seed=0), CPU) for m in (Dropping(name="mine"), MODELS[0]))
    before, gradients = torch.random.get_rng_state(), torch.zeros(2, 3, plain.d)
    for flat, into in zip((dropping, plain), gradients, strict=True):
        flat.add_gradients(
            spread(flat, 3), into, lambda part: (images(3, 6)[part.start : part.stop], LABELS[part.start : part.stop])
        )
    assert torch.equal(*gradients)
    assert gradients.any()
    assert torch.equal(torch.random.get_rng_state(), before)
