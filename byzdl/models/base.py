"""The base class of networks, and their initialisation from a seed."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from byzdl.config.types import Component, ConfigError
from byzdl.random_streams import torch_seed

Shape = tuple[int, int, int]  # one image's (channels, height, width)


class Model(Component):
    """Builds a network from images [b, channels, height, width] to logits [b, classes]: the base class of all networks.

    A module is suitable if its output for an image depends on the image and its parameters alone. These are refused:

    - buffers, such as the running statistics of a batch norm: all nodes would silently share them
    - batch norms without buffers: an output would depend on the other images of the batch

    The module is always in evaluation mode, in training, too. Dropout and stochastic depth are off, as they would draw
    from torch's global random state.

    >>> class Perceptron(Model):
    ...     def build(self, shape, classes):
    ...         channels, height, width = shape
    ...         return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, classes))
    >>> network = initialised(Perceptron(), shape=(1, 8, 8), classes=10, seed=0)
    >>> network(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def build(self, shape: Shape, classes: int) -> nn.Module:
        """Returns a new network, initialised from torch's global random state.

        - `shape`: the (channels, height, width) of an image

        **Raises:** `ConfigError` if there is no such network for these images or classes.
        """
        raise NotImplementedError


def initialised(model: Model, shape: Shape, classes: int, seed: int) -> nn.Module:
    """Builds a network and initialises it from the seed's own stream. Global random state stays unchanged.

    - `shape`: the (channels, height, width) of an image

    **Raises:** `ConfigError` if the network has buffers or a batch norm, or if there is none for these images or classes.

    >>> from byzdl.models import Linear
    >>> network, again = (initialised(Linear(), shape=(1, 8, 8), classes=10, seed=0) for _ in range(2))
    >>> [torch.equal(p, q) for p, q in zip(network.parameters(), again.parameters())]
    [True, True]
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "model"))
        module = model.build(shape, classes).eval()
    for layer in module.modules():
        if isinstance(layer, nn.MultiheadAttention):
            # In evaluation mode torch takes a shortcut, which has no gradient when many models are computed at once.
            layer.training, layer.dropout = True, 0.0
    if buffers := [name for name, _ in module.named_buffers()]:
        raise ConfigError.of(
            "model", model.name, f"a network without buffers, as all nodes would share them ({buffers[0]})"
        )
    if norms := [name for name, layer in module.named_modules() if isinstance(layer, _BatchNorm)]:
        takes = f"a network without batch norms, as an output would depend on the rest of its batch ({norms[0]})"
        raise ConfigError.of("model", model.name, takes)
    return module
