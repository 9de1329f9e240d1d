"""The mean of token embeddings."""

import pytest
import torch
from both_ways import compute_alike
from torch import nn

from byzdl.config.types import ConfigError
from byzdl.models import initialised
from byzdl.models.embedding import Embedding, MeanEmbedding
from byzdl.samples import Sample
from byzdl.testing import check_model

TEXT = Sample((3,), "tokens", 4)
# The embedding of each of four tokens.
TABLE = [[9.0, 9.0], [1.0, 0.0], [3.0, 4.0], [-1.0, 2.0]]


def mean(padding, *tokens):
    layer = MeanEmbedding(4, 2, padding)
    layer.weight.data = torch.tensor(TABLE)
    return layer(torch.tensor([tokens])).tolist()[0]


def test_padding_is_left_out_of_the_mean():
    assert mean(0, 1, 2, 2) == pytest.approx([7 / 3, 8 / 3])
    assert mean(0, 1, 2, 0) == [2, 2]
    assert mean(0, 3, 0, 0) == [-1, 2]
    assert mean(0, 0, 0, 0) == [0, 0]


def test_without_padding_every_token_counts():
    assert mean(None, 0, 1, 0) == pytest.approx([19 / 3, 6])


def test_the_order_does_not_count_and_one_hidden_layer_follows():
    network = initialised(Embedding(width=2, hidden=5), TEXT, outputs=3, seed=0)
    texts = torch.tensor([[1, 2, 3], [3, 1, 2], [1, 2, 2]])
    with torch.no_grad():
        outputs = network(texts)
        table, first, second = network[0].weight, network[1], network[3]
        by_hand = nn.functional.relu(table[[1, 2, 3]].mean(0) @ first.weight.T + first.bias) @ second.weight.T
    torch.testing.assert_close(outputs[0], by_hand + second.bias)
    torch.testing.assert_close(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])


@pytest.mark.parametrize("padding", [0, None])
def test_both_ways_compute_alike(padding):
    compute_alike(Embedding(width=4, hidden=5, padding=padding), TEXT)
    check_model(Embedding(width=4, hidden=5, padding=padding), sample=Sample((5,), "tokens", 9), outputs=1)


def test_a_padding_that_the_data_cannot_have_is_refused():
    says = r"^model\.padding is 4, but must be null, or one of 0 \.\. 3, the tokens of the data$"
    with pytest.raises(ConfigError, match=says):
        initialised(Embedding(padding=4), TEXT, outputs=3, seed=0)


def test_numbers_are_no_tokens():
    with pytest.raises(ConfigError, match=r"^model is 'embedding', but must be a network that reads features \[3\]"):
        initialised(Embedding(), Sample((3,), "features"), outputs=3, seed=0)
