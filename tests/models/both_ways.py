"""The two ways to compute many models, compared on any network."""

import torch

from byzdl.models import Model, initialised
from byzdl.samples import Sample
from byzdl.simulation.flat_model import Batched, OneByOne


def compute_alike(model: Model, sample: Sample, outputs: int = 4) -> None:
    """Three different models, each with samples of its own: gradients, losses and outputs are the same in both ways."""
    draw = torch.Generator().manual_seed(0)
    if sample.kind == "tokens":
        inputs = torch.randint(sample.vocabulary, (3, 5, *sample.shape), generator=draw)
    else:
        inputs = torch.randn(3, 5, *sample.shape, generator=draw)
    targets = torch.randint(outputs, (3, 5), generator=draw)
    rows, wanted = torch.tensor([[0, 1], [1, 2], [2, 0]]), torch.ones(3, 2, dtype=torch.bool)
    found = []
    for way in (OneByOne, Batched):
        flat = way(initialised(model, sample, outputs, seed=0), torch.device("cpu"))
        models = flat.initial + 0.1 * torch.randn(3, flat.d, generator=torch.Generator().manual_seed(1))
        into = torch.zeros(3, flat.d)

        def feed(part: range) -> tuple[torch.Tensor, torch.Tensor]:
            return inputs[part.start : part.stop], targets[part.start : part.stop]

        losses = flat.losses(models, rows, wanted, feed)
        outputs_of = flat.outputs(models, [2, 0], inputs[0])
        flat.add_gradients(models, into, feed)
        found.append((losses, outputs_of, into))
    assert found[0][2].abs().sum(1).min() > 0
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)
