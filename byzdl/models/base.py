"""The base class of networks, and their initialisation from a seed."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import UninitializedParameter

from byzdl.config.types import Component, ConfigError, RuleError
from byzdl.random_streams import torch_seed

Shape = tuple[int, int, int]  # one image's (channels, height, width)


class Model(Component):
    """Builds a network from images [b, channels, height, width] to logits [b, classes]: the base class of all networks.

    A module is suitable if its output for an image depends on the image and its parameters alone. These are refused:

    - buffers, such as the running statistics of a batch norm: all nodes would silently share them
    - batch norms without buffers: an output would depend on the other images of the batch
    - parameters of another type than float32, and frozen ones (`requires_grad=False`): models are float32 vectors, of
      which every number is trained

    The module is always in evaluation mode, in training, too. Dropout and stochastic depth are off, as they would draw
    from torch's global random state. Lazy layers get their shapes from one black image.

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

    **Raises:** `ConfigError` if the network is unsuitable, or if there is none for these images or classes; `RuleError`
    if `build` returns anything else.

    >>> from byzdl.models import Linear
    >>> network, again = (initialised(Linear(), shape=(1, 8, 8), classes=10, seed=0) for _ in range(2))
    >>> [torch.equal(p, q) for p, q in zip(network.parameters(), again.parameters())]
    [True, True]
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "model"))
        module = model.build(shape, classes)
        if not isinstance(module, nn.Module):
            with RuleError.of_method(model, "build"):
                raise RuleError(f"returned a {type(module).__name__}, but must return a torch.nn.Module")
        module.eval()
        if any(isinstance(p, UninitializedParameter) for p in module.parameters()):
            with torch.no_grad():
                module(torch.zeros(1, *shape))
    if takes := unsuitable(module):
        raise ConfigError.of("model", model.name, takes)
    return module


def unsuitable(module: nn.Module) -> str | None:
    """Says what a network must be, worded to follow "must be", and what is in the way; None for a suitable one.

    >>> unsuitable(nn.BatchNorm2d(3))
    'a network without buffers, as all nodes would share them (running_mean)'
    """
    if buffers := [name for name, _ in module.named_buffers()]:
        return f"a network without buffers, as all nodes would share them ({buffers[0]})"
    if norms := [name for name, layer in module.named_modules() if isinstance(layer, _BatchNorm)]:
        return f"a network without batch norms, as an output would depend on the rest of its batch ({norms[0]})"
    parameters = dict(module.named_parameters())
    if not parameters:
        return "a network with parameters, as nodes train and exchange them"
    if others := [f"{name} is {p.dtype}" for name, p in parameters.items() if p.dtype != torch.float32]:
        return f"a network of torch.float32 alone ({others[0]})"
    if frozen := [name for name, p in parameters.items() if not p.requires_grad]:
        return f"a network without frozen parameters, as every number of a model is trained ({frozen[0]})"
    return None
