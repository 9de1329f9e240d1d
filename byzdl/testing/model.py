"""What every network keeps to."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from byzdl.models import Model, Shape, initialised
from byzdl.simulation.flat_model import Batched, FlatModel, OneByOne
from byzdl.simulation.processor import without_hints
from byzdl.simulation.trial import tried
from byzdl.testing.compare import difference
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record

CPU = torch.device("cpu")
# Images as small as those of the digits.
SHAPE: Shape = (1, 8, 8)
CLASSES = 10


def built(model: Model, shape: Shape, classes: int, seed: int = 0) -> nn.Module:
    """A network as runs have it."""
    with calling("build"):
        return initialised(model, shape, classes, seed)


def some_images(shape: Shape) -> Tensor:
    """Three random images, channels last in memory, as data sets give them."""
    channels, height, width = shape
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, height, width, channels, generator=generator).movedim(-1, -3)


def answers(module: nn.Module, images: Tensor) -> Tensor:
    """The module's logits [b, classes]."""
    with torch.no_grad(), calling("build"):
        logits: Tensor = module(images)
    return logits


def has_parameters_alone(model: Model, shape: Shape = SHAPE, classes: int = CLASSES) -> None:
    """Builds a module with parameters, all float32, and neither buffers nor batch norms, which nodes would share."""
    with torch.random.fork_rng(devices=[]), calling("build"):
        module = model.build(shape, classes)
    if not isinstance(module, nn.Module):
        raise BrokenError("build", f"returns a {type(module).__name__}, but must return a torch.nn.Module")
    if buffers := [name for name, _ in module.named_buffers()]:
        raise BrokenError("build", f"has the buffer {buffers[0]}, which nodes would share, but must have none")
    if norms := [name for name, layer in module.named_modules() if isinstance(layer, _BatchNorm)]:
        raise BrokenError("build", f"has the batch norm {norms[0]}, but answers must not depend on the batch")
    kinds = {name: parameter.dtype for name, parameter in module.named_parameters()}
    if not kinds:
        raise BrokenError("build", "has no parameters")
    if frozen := [name for name, parameter in module.named_parameters() if not parameter.requires_grad]:
        raise BrokenError("build", f"has the frozen parameter {frozen[0]}, but all must be trained")
    if other := [f"{name} of {kind}" for name, kind in kinds.items() if kind != torch.float32]:
        raise BrokenError("build", f"has the parameter {other[0]}, but all must be of torch.float32")


def answers_with_logits(model: Model, shape: Shape = SHAPE, classes: int = CLASSES) -> None:
    """Answers images [b, channels, height, width] with finite logits [b, classes], and leaves the images as they are."""
    images = some_images(shape)
    before = images.clone()
    logits = answers(built(model, shape, classes), images)
    if not isinstance(logits, Tensor) or logits.shape != (3, classes):
        got = list(logits.shape) if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise BrokenError("build", f"answers 3 images with {got}, but must answer with logits [3, {classes}]")
    if not logits.isfinite().all():
        raise BrokenError("build", "answers with logits that are not finite")
    if not torch.equal(images, before):
        raise BrokenError("build", "changes the images in place")


def is_the_seeds(model: Model, shape: Shape = SHAPE, classes: int = CLASSES) -> None:
    """Is initialised alike by the same seed and otherwise by another one, from torch's random state alone."""
    first, second, other = (list(built(model, shape, classes, seed).parameters()) for seed in (0, 0, 1))
    if not all(torch.equal(a, b) for a, b in zip(first, second, strict=True)):
        raise BrokenError(
            "build", "is initialised otherwise by the same seed; it must draw from torch's random state alone"
        )
    if all(torch.equal(a, b) for a, b in zip(first, other, strict=True)):
        raise BrokenError("build", "is initialised alike by every seed, but must draw from torch's random state")


def answers_each_image_by_itself(model: Model, shape: Shape = SHAPE, classes: int = CLASSES) -> None:
    """Answers an image alike whatever other images are beside it, and alike each time."""
    module, images = built(model, shape, classes), some_images(shape)
    together = answers(module, images)
    if apart := difference(answers(module, images), together, "image", rtol=0, atol=0):
        raise BrokenError("build", f"answers otherwise the second time: {apart}")
    alone = torch.cat([answers(module, image[None]) for image in images])
    if apart := difference(alone, together, "image", atol=1e-4):
        raise BrokenError("build", f"answers an image otherwise in a batch than alone: {apart}")


def has_a_gradient_for_each_parameter(model: Model, shape: Shape = SHAPE, classes: int = CLASSES) -> None:
    """Has a finite gradient of the loss for every parameter."""
    module, images = built(model, shape, classes), some_images(shape)
    named = dict(module.named_parameters())
    with calling("build"):
        loss = nn.functional.cross_entropy(module(images), torch.arange(3) % classes)
        found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    for name, gradient in zip(named, found, strict=True):
        if gradient is None:
            raise BrokenError("build", f"the parameter {name} has no gradient, but every parameter must count")
        if not gradient.isfinite().all():
            raise BrokenError("build", f"the gradient of the parameter {name} is not finite")


def is_computed_alike_over_flat_vectors(model: Model, shape: Shape = SHAPE, classes: int = CLASSES) -> None:
    """Answers alike as a plain module and over flat vectors, one model after another and, if it can, many at once."""
    images, labels = some_images(shape), torch.arange(3) % classes
    expected = answers(built(model, shape, classes), images)
    gradients = []
    with calling("build"), without_hints():
        fastest = type(tried(model, Batched(built(model, shape, classes), CPU), images, labels, classes))
    ways: tuple[type[FlatModel], ...] = (OneByOne, fastest)
    for way in ways:
        with calling("build"), without_hints():
            flat = way(built(model, shape, classes), CPU)
            models = flat.initial.repeat(2, 1)
            logits = flat.logits(models, [0, 1], images)
            into = torch.zeros_like(models)
            flat.add_gradients(
                models, into, lambda part: (images.expand(len(part), *images.shape), labels.expand(len(part), -1))
            )
        gradients.append(into)
        for answer in logits:
            if apart := difference(answer, expected, "image", atol=1e-4):
                raise BrokenError("build", f"answers otherwise over flat vectors ({way.__name__}): {apart}")
    if apart := difference(gradients[-1], gradients[0], "model", rtol=1e-3, atol=1e-4):
        raise BrokenError("build", f"has other gradients where many models are computed at once: {apart}")


CONTRACTS: tuple[Contract[Model], ...] = contracts(
    is_a_frozen_record,
    has_parameters_alone,
    answers_with_logits,
    is_the_seeds,
    answers_each_image_by_itself,
    has_a_gradient_for_each_parameter,
    is_computed_alike_over_flat_vectors,
)


def check_model(model: Model, *, shape: Shape = SHAPE, classes: int = CLASSES) -> None:
    """Checks a network against every contract of models.

    - `model`: an instance
    - `shape`, `classes`: the images' (channels, height, width), and how many classes; by default those of the digits

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> class Small(Model):
    ...     def build(self, shape, classes):
    ...         return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))
    >>> check_model(Small())
    >>> class Normed(Model):
    ...     def build(self, shape, classes):
    ...         return nn.Sequential(nn.BatchNorm2d(shape[0]), Small().build(shape, classes))
    >>> check_model(Normed(), shape=(3, 4, 4), classes=2)
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: Normed.build: has the buffer 0.running_mean, which nodes would share, but must...
    Normed.build: raises ConfigError: model is 'normed', but must be ...
    """
    check_all(Model, CONTRACTS, model, shape=shape, classes=classes)
