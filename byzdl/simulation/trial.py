"""Tries a network out on a few samples before the first round, so that a mistake in its class is one line."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor

from byzdl.config.types import RuleError
from byzdl.models import Model
from byzdl.simulation.flat_model import Batch, Batched, FlatModel, OneByOne, without_shortcuts


def tried(model: Model, flat: FlatModel, inputs: Tensor, targets: Tensor, outputs: int) -> FlatModel:
    """Computes outputs and a gradient of two models, and returns the network to use.

    That is the given one. If it computes many models at once and the module does not allow this, as recurrent layers
    and branches that depend on values do not, it is one that computes them one by one.

    - `model`: the choice, for errors
    - `inputs` [b, ...], `targets` [b]: any samples of the data set

    **Raises:** `RuleError` for a module that cannot be computed or trained, that answers with anything but
    [b, outputs], that changes the inputs, or that draws random numbers.

    >>> from byzdl.models import Linear, initialised
    >>> from byzdl.simulation.flat_model import flat_model
    >>> from byzdl.samples import Sample
    >>> flat = flat_model(initialised(Linear(), Sample((1, 2, 2)), 3, seed=0), torch.device("cpu"))
    >>> tried(Linear(), flat, torch.zeros(5, 1, 2, 2), torch.zeros(5, dtype=torch.long), outputs=3) is flat
    True
    """
    with RuleError.of_method(model, "build"), torch.random.fork_rng(devices=[]):
        _check_answer(flat, inputs, outputs)
        if isinstance(flat, Batched):
            with suppress(Exception):
                _train(flat, inputs, targets)
                return flat
            flat = OneByOne(flat.module, inputs.device, flat.screening, flat.batch, flat.task)
        with _raising():
            _train(flat, inputs, targets)
        return flat


def _check_answer(flat: FlatModel, inputs: Tensor, outputs: int) -> None:
    shown, state, b = inputs.clone(), torch.random.get_rng_state(), len(inputs)
    with _raising(), torch.no_grad(), without_shortcuts():
        answer = flat.module(shown)
    if not isinstance(answer, Tensor) or answer.shape != (b, outputs):
        got = f"{list(answer.shape)}" if isinstance(answer, Tensor) else f"a {type(answer).__name__}"
        raise RuleError(f"the network answers {b} samples with {got}, but must answer with [{b}, {outputs}]")
    if not torch.equal(shown, inputs):
        raise RuleError("the network changes its inputs in place, but must leave them as they are")
    if not torch.equal(torch.random.get_rng_state(), state):
        raise RuleError("the network draws random numbers, but must give one answer to a sample")


def _train(flat: FlatModel, inputs: Tensor, targets: Tensor) -> None:
    """Computes all that a run does."""

    def feed(learners: range) -> Batch:
        return torch.stack([inputs] * len(learners)), torch.stack([targets] * len(learners))

    models, rows = flat.initial.repeat(2, 1), torch.tensor([[0, 1], [1, 0]], device=inputs.device)
    flat.add_gradients(models, torch.zeros_like(models), feed)
    models = models.detach()
    flat.losses(models, rows, torch.ones_like(rows, dtype=torch.bool), feed)
    flat.outputs(models, [0, 1], inputs)


@contextmanager
def _raising() -> Iterator[None]:
    """Puts the first line of a module's error into a `RuleError`."""
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise RuleError(f"the network raises {type(error).__name__}: {said}") from error
