"""torchvision's classifiers as models of a run."""

from typing import Any

import pytest
import torch
import torchvision
from helpers import chosen
from torch import Tensor, nn

from byzdl.config.types import ConfigError
from byzdl.models import TorchvisionModel, initialised
from byzdl.random_streams import torch_seed
from byzdl.samples import Sample
from byzdl.simulation.flat_model import Batched, FlatModel, OneByOne, flat_model

CPU = torch.device("cpu")
SMALL = TorchvisionModel(name="torchvision", arch="shufflenet_v2_x0_5")  # 1x1 kernels, depthwise ones, in-place ReLU


def photographs(*shape: int, channels: int = 3) -> Tensor:
    """Random images [*shape, channels, 32, 32], channels last in memory."""
    return torch.randn(*shape, 32, 32, channels, generator=torch.Generator().manual_seed(0)).movedim(-1, -3)


def test_resnet18_is_torchvisions_own_with_group_norms() -> None:
    module = initialised(chosen("model", "torchvision"), Sample((3, 32, 32)), 7, seed=3)
    with torch.random.fork_rng():
        torch.manual_seed(torch_seed(3, "model"))
        own = torchvision.models.resnet18(num_classes=7, norm_layer=lambda width: nn.GroupNorm(width // 16, width))
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), own.parameters(), strict=True))
    with torch.no_grad():
        torch.testing.assert_close(module(photographs(2)), own.eval()(photographs(2)))


def test_grey_images_are_repeated_into_three_channels() -> None:
    grey = initialised(SMALL, Sample((1, 32, 32)), 10, seed=0)
    coloured = initialised(SMALL, Sample((3, 32, 32)), 10, seed=0)
    seen = photographs(2, channels=1)
    with torch.no_grad():
        torch.testing.assert_close(grey(seen), coloured(torch.cat([seen, seen, seen], dim=1)))


def test_groups_suit_the_width_of_their_layer() -> None:
    module = initialised(SMALL, Sample((3, 32, 32)), 10, seed=0)
    found = {norm.num_channels: norm.num_groups for norm in module.modules() if isinstance(norm, nn.GroupNorm)}
    assert found == {24: 1, 48: 3, 96: 6, 1024: 64}
    # 40 is divided by 20 and not by 16 to 19.
    assert SMALL._grouped(nn.BatchNorm2d(40)).num_groups == 2
    assert SMALL._grouped(nn.BatchNorm2d(8)).num_groups == 1
    assert SMALL._grouped(nn.BatchNorm2d(16, eps=1e-3)).eps == 1e-3


@pytest.mark.parametrize("way", [OneByOne, Batched])
def test_over_a_flat_vector_it_is_the_plain_module(way: type[FlatModel]) -> None:
    flat = way(initialised(SMALL, Sample((3, 32, 32)), 10, seed=0), CPU)
    models = flat.initial + 0.01 * torch.randn(2, flat.d, generator=torch.Generator().manual_seed(1))
    images, labels = photographs(2, 3), torch.tensor([[0, 1, 2], [3, 4, 5]])

    def feed(part: range) -> tuple[Tensor, Tensor]:
        return images[part.start : part.stop], labels[part.start : part.stop]

    into = torch.zeros(2, flat.d)
    flat.add_gradients(models, into, feed)
    losses = flat.losses(models, torch.tensor([[1], [0]]), torch.ones(2, 1, dtype=torch.bool), feed)
    for i, x in enumerate(models):
        module, start, gradient = initialised(SMALL, Sample((3, 32, 32)), 10, seed=9), 0, []
        for p in module.parameters():
            piece = x[start : start + p.numel()]
            start += p.numel()
            p.data = (
                piece.view(p.shape[0], *p.shape[2:], p.shape[1]).movedim(-1, 1) if p.ndim == 4 else piece.view(p.shape)
            )
        loss = nn.functional.cross_entropy(module(images[i]), labels[i])
        for p, g in zip(module.parameters(), torch.autograd.grad(loss, list(module.parameters())), strict=True):
            gradient.append((g.movedim(1, -1) if p.ndim == 4 else g).flatten())
        torch.testing.assert_close(into[i], torch.cat(gradient), rtol=1e-3, atol=1e-5)
        other = nn.functional.cross_entropy(module(images[1 - i]), labels[1 - i])
        assert losses[1 - i, 0].item() == pytest.approx(other.item(), rel=1e-4)


class Gated(nn.Module):
    """What torchvision might know."""

    def __init__(self, named: bool = False, idle: bool = False, constant: bool = False, side: int = 1):
        super().__init__()
        self.convolution = nn.Conv2d(3, 10, side)
        self.drop = nn.Dropout(0.5)
        self.named = named
        if idle:
            self.idle = nn.Parameter(torch.zeros(2))
        if constant:
            self.register_buffer("table", torch.zeros(2))

    def forward(self, images: Tensor) -> Any:
        logits = self.drop(self.convolution(images)).mean((2, 3))
        return (logits, logits) if self.named else logits


def known(monkeypatch: pytest.MonkeyPatch, **keys: Any) -> None:
    monkeypatch.setattr("torchvision.models.get_model", lambda name, weights, num_classes: Gated(**keys))


def test_its_dropout_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch)
    flat = flat_model(initialised(chosen("model", "torchvision"), Sample((1, 8, 8)), 10, seed=0), CPU)
    assert not any(module.training for module in flat.module.modules())


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"named": True}, "must be a network with logits as its only output"),
        (
            {"idle": True},
            r"must be a network in which every parameter has an influence on the output \(idle has none\)",
        ),
        ({"constant": True}, r"must be a network without buffers, as all nodes would share them \(table\)"),
        ({"side": 9}, r"must be a network for images of 8 x 8 \(.*Kernel size can't be greater.*\)"),
    ],
    ids=["tuple", "idle parameter", "buffer", "too small images"],
)
def test_an_unsuitable_network_is_refused(monkeypatch: pytest.MonkeyPatch, keys: Any, says: str) -> None:
    known(monkeypatch, **keys)
    with pytest.raises(ConfigError, match=rf"^model\.arch is 'resnet18', but {says}$"):
        initialised(chosen("model", "torchvision"), Sample((1, 8, 8)), 10, seed=0)


def test_images_of_other_channels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch)
    with pytest.raises(ConfigError, match="must be replaced by another model: images have 2 channels"):
        initialised(chosen("model", "torchvision"), Sample((2, 8, 8)), 10, seed=0)


def test_batch_norms_left_as_they_are_are_refused() -> None:
    model = SMALL.model_copy(update={"norm": "none"})
    says = r"must be combined with model\.norm=group, or be a network without buffers, .*\(conv1\.1\.running_mean\)$"
    with pytest.raises(ConfigError, match=says):
        initialised(model, Sample((3, 32, 32)), 10, seed=0)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    says = (
        r"^model\.arch is 'resnet19', but must be a classifier of torchvision\.models \(did you mean .*resnet18.*\?\)$"
    )
    with pytest.raises(ConfigError, match=says):
        chosen("model", "torchvision", arch="resnet19")
