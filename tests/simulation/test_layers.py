"""Many models at once: the layers against `torch.func.vmap`, to the bit."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from byzdl.simulation.layers import Layers


class Doubled(nn.Linear):
    """Not a plain linear layer, though it is called one."""

    def forward(self, values):
        return 2 * super().forward(values)


def tied():
    first = nn.Linear(4, 4)
    second = nn.Linear(4, 4)
    second.weight = first.weight
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second)


def hooked():
    layer = nn.Linear(4, 3)
    layer.register_forward_hook(lambda module, inputs, output: output + 1)
    return nn.Sequential(nn.Flatten(), layer)


def parametrized():
    layer = nn.Linear(4, 3)
    nn.utils.parametrize.register_parametrization(layer, "weight", nn.Softplus())
    return nn.Sequential(nn.Flatten(), layer)


NETWORKS = {
    "linear": lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3)),
    "two layers": lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)),
    "no bias": lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3, bias=False)),
    "convolution": lambda: nn.Sequential(nn.Conv2d(1, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 3)),
    "nested": lambda: nn.Sequential(nn.Sequential(nn.Flatten(), nn.Linear(4, 4)), nn.Tanh(), nn.Linear(4, 3)),
    "not a chain": lambda: nn.Sequential(nn.Flatten(2), nn.Flatten(), nn.Linear(4, 3)),
    "a layer of one's own": lambda: nn.Sequential(nn.Flatten(), Doubled(4, 3)),
    "tied": tied,
    "hooked": hooked,
    "parametrized": parametrized,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_answers_and_gradients_have_the_bits_of_vmap(name):
    torch.manual_seed(0)
    module = NETWORKS[name]()
    shapes = {name: p.shape for name, p in module.named_parameters()}
    models = torch.randn(5, sum(shape.numel() for shape in shapes.values()))
    images, upstream = torch.randn(5, 16, 1, 2, 2), torch.randn(5, 16, 1)

    def plain(model, images):
        pieces = torch.split(model, [shape.numel() for shape in shapes.values()])
        shaped = [
            # Kernels are channels-last in a model.
            piece.reshape(shape[0], *shape[2:], shape[1]).permute(0, 3, 1, 2)
            if len(shape) == 4
            else piece.reshape(shape)
            for piece, shape in zip(pieces, shapes.values(), strict=True)
        ]
        return functional_call(module, dict(zip(shapes, shaped, strict=True)), (images,))

    def answer_and_gradient(compute):
        x = models.clone().requires_grad_()
        logits = compute(x, images)
        (gradient,) = torch.autograd.grad((logits * upstream).sum(), x)
        return logits.detach(), gradient

    for found, expected in zip(answer_and_gradient(Layers(module)), answer_and_gradient(vmap(plain)), strict=True):
        assert torch.equal(found, expected)
