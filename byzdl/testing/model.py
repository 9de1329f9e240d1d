"""What every network keeps to."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from byzdl.models import Model, initialised
from byzdl.samples import Sample
from byzdl.simulation.flat_model import Batched, FlatModel, OneByOne
from byzdl.simulation.processor import without_hints
from byzdl.simulation.trial import tried
from byzdl.testing.compare import difference
from byzdl.testing.contract import BrokenError, Contract, calling, check_all, contracts, is_a_frozen_record

CPU = torch.device("cpu")
# Of each kind, samples as small as those of the digits.
SAMPLES = {"image": Sample((1, 8, 8)), "features": Sample((12,), "features"), "tokens": Sample((12,), "tokens", 20)}
OUTPUTS = 10


def form(model: Model, sample: Sample | None) -> Sample:
    """The form of samples to try a network with: by default, of the first kind that it reads."""
    return sample or SAMPLES[model.reads[0]]


def built(model: Model, sample: Sample | None, outputs: int, seed: int = 0) -> nn.Module:
    """A network as runs have it."""
    with calling("build"):
        return initialised(model, form(model, sample), outputs, seed)


def some_samples(model: Model, sample: Sample | None) -> Tensor:
    """Three random samples, as data sets give them: images have their channels last in memory."""
    sample, generator = form(model, sample), torch.Generator().manual_seed(0)
    if sample.kind == "tokens":
        return torch.randint(sample.vocabulary, (3, *sample.shape), generator=generator)
    if sample.kind == "features":
        return torch.randn(3, *sample.shape, generator=generator)
    channels, height, width = sample.shape
    return torch.randn(3, height, width, channels, generator=generator).movedim(-1, -3)


def answers(module: nn.Module, inputs: Tensor) -> Tensor:
    """The module's outputs [b, outputs]."""
    with torch.no_grad(), calling("build"):
        outputs: Tensor = module(inputs)
    return outputs


def has_parameters_alone(model: Model, sample: Sample | None = None, outputs: int = OUTPUTS) -> None:
    """Builds a module with parameters, all float32, and neither buffers nor batch norms, which nodes would share."""
    with torch.random.fork_rng(devices=[]), calling("build"):
        module = model.build(form(model, sample), outputs)
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


def answers_with_outputs(model: Model, sample: Sample | None = None, outputs: int = OUTPUTS) -> None:
    """Answers samples [b, ...] with finite outputs [b, outputs], and leaves the samples as they are."""
    inputs = some_samples(model, sample)
    before = inputs.clone()
    answer = answers(built(model, sample, outputs), inputs)
    if not isinstance(answer, Tensor) or answer.shape != (3, outputs):
        got = list(answer.shape) if isinstance(answer, Tensor) else f"a {type(answer).__name__}"
        raise BrokenError("build", f"answers 3 samples with {got}, but must answer with [3, {outputs}]")
    if not answer.isfinite().all():
        raise BrokenError("build", "answers with outputs that are not finite")
    if not torch.equal(inputs, before):
        raise BrokenError("build", "changes its inputs in place")


def is_the_seeds(model: Model, sample: Sample | None = None, outputs: int = OUTPUTS) -> None:
    """Is initialised alike by the same seed and otherwise by another one, from torch's random state alone."""
    first, second, other = (list(built(model, sample, outputs, seed).parameters()) for seed in (0, 0, 1))
    if not all(torch.equal(a, b) for a, b in zip(first, second, strict=True)):
        raise BrokenError(
            "build", "is initialised otherwise by the same seed; it must draw from torch's random state alone"
        )
    if all(torch.equal(a, b) for a, b in zip(first, other, strict=True)):
        raise BrokenError("build", "is initialised alike by every seed, but must draw from torch's random state")


def answers_each_sample_by_itself(model: Model, sample: Sample | None = None, outputs: int = OUTPUTS) -> None:
    """Answers a sample alike whatever other samples are beside it, and alike each time."""
    module, inputs = built(model, sample, outputs), some_samples(model, sample)
    together = answers(module, inputs)
    if apart := difference(answers(module, inputs), together, "sample", rtol=0, atol=0):
        raise BrokenError("build", f"answers otherwise the second time: {apart}")
    alone = torch.cat([answers(module, one[None]) for one in inputs])
    if apart := difference(alone, together, "sample", atol=1e-4):
        raise BrokenError("build", f"answers a sample otherwise in a batch than alone: {apart}")


def has_a_gradient_for_each_parameter(model: Model, sample: Sample | None = None, outputs: int = OUTPUTS) -> None:
    """Has a finite gradient of the loss for every parameter."""
    module, inputs = built(model, sample, outputs), some_samples(model, sample)
    named = dict(module.named_parameters())
    with calling("build"):
        loss = nn.functional.cross_entropy(module(inputs), torch.arange(3) % outputs)
        found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    for name, gradient in zip(named, found, strict=True):
        if gradient is None:
            raise BrokenError("build", f"the parameter {name} has no gradient, but every parameter must count")
        if not gradient.isfinite().all():
            raise BrokenError("build", f"the gradient of the parameter {name} is not finite")


def is_computed_alike_over_flat_vectors(model: Model, sample: Sample | None = None, outputs: int = OUTPUTS) -> None:
    """Answers alike as a plain module and over flat vectors, one model after another and, if it can, many at once."""
    inputs, targets = some_samples(model, sample), torch.arange(3) % outputs
    expected = answers(built(model, sample, outputs), inputs)
    gradients = []
    with calling("build"), without_hints():
        fastest = type(tried(model, Batched(built(model, sample, outputs), CPU), inputs, targets, outputs))
    ways: tuple[type[FlatModel], ...] = (OneByOne, fastest)
    for way in ways:
        with calling("build"), without_hints():
            flat = way(built(model, sample, outputs), CPU)
            models = flat.initial.repeat(2, 1)
            found = flat.outputs(models, [0, 1], inputs)
            into = torch.zeros_like(models)
            flat.add_gradients(
                models, into, lambda part: (inputs.expand(len(part), *inputs.shape), targets.expand(len(part), -1))
            )
        gradients.append(into)
        for answer in found:
            if apart := difference(answer, expected, "sample", atol=1e-4):
                raise BrokenError("build", f"answers otherwise over flat vectors ({way.__name__}): {apart}")
    if apart := difference(gradients[-1], gradients[0], "model", rtol=1e-3, atol=1e-4):
        raise BrokenError("build", f"has other gradients where many models are computed at once: {apart}")


CONTRACTS: tuple[Contract[Model], ...] = contracts(
    is_a_frozen_record,
    has_parameters_alone,
    answers_with_outputs,
    is_the_seeds,
    answers_each_sample_by_itself,
    has_a_gradient_for_each_parameter,
    is_computed_alike_over_flat_vectors,
)


def check_model(model: Model, *, sample: Sample | None = None, outputs: int = OUTPUTS) -> None:
    """Checks a network against every contract of models.

    - `model`: an instance
    - `sample`, `outputs`: the form of a sample, and how many outputs; by default small samples of the first kind that the
      network reads, and ten

    **Raises:** `ContractError`, with a line for each broken contract.

    >>> class Small(Model):
    ...     def build(self, sample, outputs):
    ...         return nn.Sequential(nn.Flatten(), nn.Linear(sample.size, outputs))
    >>> check_model(Small())
    >>> class Normed(Model):
    ...     def build(self, sample, outputs):
    ...         return nn.Sequential(nn.BatchNorm2d(sample.shape[0]), Small().build(sample, outputs))
    >>> check_model(Normed(), sample=Sample((3, 4, 4)), outputs=2)
    Traceback (most recent call last):
    byzdl.testing.contract.ContractError: Normed.build: has the buffer 0.running_mean, which nodes would share, but must...
    Normed.build: raises ConfigError: model is 'normed', but must be ...
    """
    check_all(Model, CONTRACTS, model, sample=sample, outputs=outputs)
