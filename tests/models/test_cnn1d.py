"""The convolutional network over series."""

import pytest
import torch
from both_ways import compute_alike
from torch.nn import functional as F

from byzdl.config.types import ConfigError
from byzdl.models import initialised
from byzdl.models.cnn1d import Cnn1d
from byzdl.samples import Sample
from byzdl.testing import check_model

SERIES = [Sample((7,), "features"), Sample((3, 6), "features"), Sample((1,), "features"), Sample((5,), "tokens", 9)]
SMALL = Cnn1d(channels=[2, 3], kernel=3, hidden=4, width=5)


@pytest.mark.parametrize("sample", SERIES, ids=str)
def test_it_reads_series_of_any_length_and_both_ways_compute_alike(sample):
    compute_alike(SMALL, sample)
    check_model(SMALL, sample=sample)


def test_it_is_two_convolutions_and_two_linear_layers():
    network = initialised(SMALL, Sample((2, 7), "features"), outputs=3, seed=0)
    series = torch.randn(4, 2, 7, generator=torch.Generator().manual_seed(0))
    first, second, inner, outer = (layer for layer in network if list(layer.parameters()))
    values = series
    for layer in (first, second):
        # By hand: the sum over the places of a kernel, on a series with a zero at either end.
        wide = F.pad(values, (1, 1))
        values = sum(
            torch.einsum("oc,bcl->bol", layer.weight[:, :, place], wide[..., place : place + values.shape[-1]])
            for place in range(3)
        )
        values = (values + layer.bias[:, None]).relu()
        # The larger one of two neighbours; there are none below 0, so that a 0 stands beside the last of an odd number.
        values = F.pad(values, (0, values.shape[-1] % 2)).unflatten(2, (-1, 2)).amax(3)
    assert values.shape == (4, 3, 2)  # of 7, 4, and then 2
    torch.testing.assert_close(network(series), outer(inner(values.flatten(1)).relu()))


def test_tokens_become_series_of_embeddings():
    network = initialised(SMALL, Sample((5,), "tokens", 9), outputs=3, seed=0)
    seen = []
    network[1].register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    network(torch.tensor([[8, 0, 1, 1, 2]]))
    assert torch.equal(seen[0][0].T, network[0].weight[[8, 0, 1, 1, 2]])


def test_other_shapes_are_refused():
    with pytest.raises(ConfigError, match=r"^model is 'cnn1d', but must be a network that reads features \[2, 3, 4\];"):
        initialised(Cnn1d(), Sample((2, 3, 4), "features"), outputs=3, seed=0)
