"""The base class of networks, and their initialisation from a seed."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import UninitializedParameter

from byzdl.config.types import Component, ConfigError, RuleError
from byzdl.random_streams import torch_seed
from byzdl.samples import Kind, Sample, kind_names


class Model(Component):
    """Builds a network from samples [b, ...] to outputs [b, outputs]: the base class of all networks.

    An image is [channels, height, width] with standardised values, as features of any shape are; tokens are integers
    [length]. The outputs for a sample are its logits, one a class, or a single number for a regression.

    A module is suitable if its outputs for a sample depend on the sample and its parameters alone. These are refused:

    - buffers, such as the running statistics of a batch norm: all nodes would silently share them
    - batch norms without buffers: an output would depend on the other samples of the batch
    - parameters of another type than float32, and frozen ones (`requires_grad=False`): models are float32 vectors, of
      which every number is trained

    The module is always in evaluation mode, in training, too. Dropout and stochastic depth are off, as they would draw
    from torch's global random state. Lazy layers get their shapes from one sample of
    zeros.

    - `reads`: the kinds of samples that the network is for; data of another kind are refused

    >>> class Perceptron(Model):
    ...     def build(self, sample, outputs):
    ...         return nn.Sequential(nn.Flatten(), nn.Linear(sample.size, outputs))
    >>> network = initialised(Perceptron(), Sample((1, 8, 8)), outputs=10, seed=0)
    >>> network(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    reads: ClassVar[tuple[Kind, ...]] = ("image", "features")

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        """Returns a new network, initialised from torch's global random state.

        - `sample`: the form of a sample: its `shape`, `size`, `kind`, and `vocabulary`
        - `outputs`: the number of classes, or 1 for a regression

        **Raises:** `ConfigError` if there is no such network for these samples or outputs.
        """
        raise NotImplementedError


def initialised(model: Model, sample: Sample, outputs: int, seed: int) -> nn.Module:
    """Builds a network and initialises it from the seed's own stream. Global random state stays unchanged.

    - `sample`, `outputs`: see `Model.build`

    **Raises:** `ConfigError` if the network is unsuitable, or if there is none for these samples or outputs; `RuleError`
    if `build` returns anything else.

    >>> from byzdl.models import Linear
    >>> network, again = (initialised(Linear(), Sample((1, 8, 8)), outputs=10, seed=0) for _ in range(2))
    >>> [torch.equal(p, q) for p, q in zip(network.parameters(), again.parameters())]
    [True, True]
    """
    if sample.kind not in model.reads:
        other = f"a network that reads {sample}; this one reads {' or '.join(kind_names(model.reads))}"
        raise ConfigError.of("model", model.name, other)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "model"))
        module = model.build(sample, outputs)
        if not isinstance(module, nn.Module):
            with RuleError.of_method(model, "build"):
                raise RuleError(f"returned a {type(module).__name__}, but must return a torch.nn.Module")
        module.eval()
        if any(isinstance(p, UninitializedParameter) for p in module.parameters()):
            with torch.no_grad():
                module(torch.zeros(1, *sample.shape, dtype=torch.long if sample.kind == "tokens" else torch.float32))
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
