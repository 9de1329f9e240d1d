"""What a network is."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from byzdl.config.types import Component, ConfigError
from byzdl.random_streams import torch_seed

Shape = tuple[int, int, int]  # one image's (channels, height, width)


class Model(Component):
    """A network from images [b, channels, height, width] to logits [b, classes].

    Any module will do whose answer for an image is a function of the image and of its parameters alone. It is always
    in evaluation mode, while it is trained, too: dropout and stochastic depth are off, as they would draw from torch's
    global random state. Buffers, such as the running statistics of a batch norm, would be shared silently by all
    nodes: they are refused. So are batch norms without any, for which an answer depends on the batch that an image is in.
    """

    def build(self, shape: Shape, classes: int) -> nn.Module:
        """A new network, initialised from torch's global random state.

        **Raises:** `ConfigError` for images or classes that there is no such network for.
        """
        raise NotImplementedError


def initialised(model: Model, shape: Shape, classes: int, seed: int) -> nn.Module:
    """The network, initialised from the seed's own stream; global random state stays as it was.

    **Raises:** `ConfigError` if it has buffers or a batch norm, or if there is none for such images.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "model"))
        module = model.build(shape, classes).eval()
    for layer in module.modules():
        if isinstance(layer, nn.MultiheadAttention):
            # In evaluation mode torch takes a short cut, which has no gradient where many models are computed at once.
            layer.training, layer.dropout = True, 0.0
    if buffers := [name for name, _ in module.named_buffers()]:
        raise ConfigError.of("model", model.name, f"a network without buffers, which nodes would share ({buffers[0]})")
    if norms := [name for name, layer in module.named_modules() if isinstance(layer, _BatchNorm)]:
        raise ConfigError.of("model", model.name, f"a network whose answers know no batch ({norms[0]}: a batch norm)")
    return module
