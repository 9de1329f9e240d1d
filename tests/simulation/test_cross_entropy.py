"""The mean cross-entropy of many models, against torch's own, to the bit."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from byzdl.simulation.cross_entropy import cross_entropies


@pytest.mark.parametrize("samples", [5, 32])  # 5 do not fill a register
@pytest.mark.parametrize("classes", [2, 3, 10, 15, 16, 40])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e30])
def test_it_is_that_of_torch(classes, samples, scale):
    draw = torch.Generator().manual_seed(classes)
    logits = scale * torch.randn(7, samples, classes, generator=draw)
    labels = torch.randint(0, classes, (7, samples), generator=draw)
    expected = torch.stack([cross_entropy(z, y, reduction="none").mean() for z, y in zip(logits, labels, strict=True)])
    torch.testing.assert_close(cross_entropies(logits, labels), expected)


def test_a_lost_model_has_a_loss_that_is_not_finite():
    logits = torch.zeros(4, 32, 10)
    logits[0, 3, 5], logits[1, 0, 0], logits[2] = torch.inf, torch.nan, torch.nan
    losses = cross_entropies(logits, torch.ones(4, 32, dtype=torch.long))
    assert losses.isfinite().tolist() == [False, False, False, True]
