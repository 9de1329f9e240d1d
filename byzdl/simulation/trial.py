"""Tries a network out on a few images before the first round, so that a mistake in its class is one line."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import Tensor

from byzdl.config.types import RuleError
from byzdl.models import Model
from byzdl.simulation.flat_model import Batch, Batched, FlatModel, OneByOne, without_shortcuts


def tried(model: Model, flat: FlatModel, images: Tensor, labels: Tensor, classes: int) -> FlatModel:
    """Computes logits and a gradient of two models, and returns the network to use.

    That is the given one. If it computes many models at once and the module does not allow this, as recurrent layers
    and branches that depend on values do not, it is one that computes them one by one.

    - `model`: the choice, for errors
    - `images` [b, channels, height, width], `labels` [b]: any images of the data set

    **Raises:** `RuleError` for a module that cannot be computed or trained, that answers with anything but logits
    [b, classes], that changes the images, or that draws random numbers.

    >>> from byzdl.models import Linear, initialised
    >>> from byzdl.simulation.flat_model import flat_model
    >>> flat = flat_model(initialised(Linear(), (1, 2, 2), 3, seed=0), torch.device("cpu"))
    >>> tried(Linear(), flat, torch.zeros(5, 1, 2, 2), torch.zeros(5, dtype=torch.long), classes=3) is flat
    True
    """
    with RuleError.of_method(model, "build"), torch.random.fork_rng(devices=[]):
        _check_answer(flat, images, classes)
        if isinstance(flat, Batched):
            with suppress(Exception):
                _train(flat, images, labels)
                return flat
            flat = OneByOne(flat.module, images.device, flat.screening, flat.batch)
        with _raising():
            _train(flat, images, labels)
        return flat


def _check_answer(flat: FlatModel, images: Tensor, classes: int) -> None:
    shown, state = images.clone(), torch.random.get_rng_state()
    with _raising(), torch.no_grad(), without_shortcuts():
        logits = flat.module(shown)
    if not isinstance(logits, Tensor) or logits.shape != (len(images), classes):
        got = f"{list(logits.shape)}" if isinstance(logits, Tensor) else f"a {type(logits).__name__}"
        raise RuleError(
            f"the network answers {len(images)} images with {got}, but must answer with logits [{len(images)}, {classes}]"
        )
    if not torch.equal(shown, images):
        raise RuleError("the network changes the images in place, but must leave them as they are")
    if not torch.equal(torch.random.get_rng_state(), state):
        raise RuleError("the network draws random numbers, but must give one answer to an image")


def _train(flat: FlatModel, images: Tensor, labels: Tensor) -> None:
    """Computes all that a run does."""

    def feed(learners: range) -> Batch:
        return images.repeat(len(learners), 1, 1, 1, 1), labels.repeat(len(learners), 1)

    models, rows = flat.initial.repeat(2, 1), torch.tensor([[0, 1], [1, 0]], device=images.device)
    flat.add_gradients(models, torch.zeros_like(models), feed)
    models = models.detach()
    flat.losses(models, rows, torch.ones_like(rows, dtype=torch.bool), feed)
    flat.logits(models, [0, 1], images)


@contextmanager
def _raising() -> Iterator[None]:
    """Puts the first line of a module's error into a `RuleError`."""
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise RuleError(f"the network raises {type(error).__name__}: {said}") from error
