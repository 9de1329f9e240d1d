"""The transformer, against torch's own layers and by what positions may see."""

import math
from itertools import product

import pytest
import torch
from both_ways import compute_alike
from torch import nn

from byzdl.models import initialised
from byzdl.models.transformer import Transformer, sinusoids
from byzdl.samples import Sample
from byzdl.testing import check_model

TEXT = Sample((5,), "tokens", 7)
WAYS = list(product((False, True), ("learned", "sinusoidal"), ("mean", "last")))


def network(**keys):
    return initialised(Transformer(**{"width": 8, "heads": 2, **keys}), TEXT, outputs=3, seed=0)


def tokens(*rows):
    return torch.tensor(rows)


@pytest.mark.parametrize("causal", [False, True])
def test_values_are_those_of_torchs_own_layers(causal):
    ours = network(causal=causal)
    texts = tokens([1, 2, 3, 4, 5], [6, 5, 2, 1, 1])
    with torch.no_grad():
        values = ours.table(texts) + ours.places
        hidden = torch.ones(5, 5, dtype=torch.bool).triu(1) if causal else None
        for block in ours.blocks:
            torchs = nn.TransformerEncoderLayer(8, 2, 32, activation="gelu", batch_first=True, norm_first=True).eval()
            torchs.self_attn.in_proj_weight.data = block.asked.weight
            torchs.self_attn.in_proj_bias.data = block.asked.bias
            torchs.self_attn.out_proj = block.found
            torchs.norm1, torchs.norm2 = block.attention_norm, block.perceptron_norm
            torchs.linear1, torchs.linear2 = block.perceptron[0], block.perceptron[2]
            values = torchs(values, src_mask=hidden)
        torch.testing.assert_close(ours.read(texts), ours.norm(values))
        torch.testing.assert_close(ours(texts), ours.head(ours.norm(values).mean(1)))


def test_in_a_causal_one_a_later_token_changes_no_earlier_position():
    with torch.no_grad():
        for causal in (True, False):
            before, after = network(causal=causal).read(tokens([1, 2, 3, 4, 5], [1, 2, 3, 6, 5]))
            changed = (before != after).any(1).tolist()
            assert changed == [not causal] * 3 + [True, True]


def test_padding_changes_no_other_position_and_is_in_no_answer():
    for causal, positions, pool in WAYS:
        reader = network(causal=causal, positions=positions, pool=pool)
        with torch.no_grad():
            padded = reader(tokens([1, 2, 3, 0, 0]))
            reader.table.weight[0] = 50.0
            torch.testing.assert_close(reader(tokens([1, 2, 3, 0, 0])), padded)
            assert reader(tokens([0, 0, 0, 0, 0])).isfinite().all()


def test_the_last_position_is_the_last_one_without_padding():
    reader = network(pool="last")
    with torch.no_grad():
        texts = tokens([1, 2, 0, 0, 0], [1, 0, 2, 4, 3])
        values = reader.read(texts)
        torch.testing.assert_close(reader(texts), reader.head(values[[0, 1], [1, 4]]))


def test_without_padding_token_0_counts():
    reader = network(padding=None, pool="last")
    with torch.no_grad():
        values = reader.read(tokens([1, 2, 0, 0, 0]))
        torch.testing.assert_close(reader(tokens([1, 2, 0, 0, 0])), reader.head(values[:, 4]))


def test_the_order_of_tokens_counts():
    for positions in ("learned", "sinusoidal"):
        with torch.no_grad():
            one, other = network(positions=positions)(tokens([1, 2, 3, 4, 5], [2, 1, 3, 4, 5]))
        assert not torch.allclose(one, other)


def test_sinusoids_by_the_papers_formula():
    found = sinusoids(6, 5)
    for place, i in product(range(6), range(5)):
        angle = place / 10_000 ** ((i - i % 2) / 5)
        assert found[place, i].item() == pytest.approx(math.cos(angle) if i % 2 else math.sin(angle), abs=1e-6)


@pytest.mark.parametrize(("causal", "positions", "pool"), WAYS)
def test_both_ways_compute_alike(causal, positions, pool):
    compute_alike(Transformer(width=8, depth=1, causal=causal, positions=positions, pool=pool), TEXT)


def test_it_keeps_to_every_contract_as_a_causal_one_with_fixed_positions():
    check_model(Transformer(width=6, heads=3, causal=True, positions="sinusoidal", pool="last"), sample=TEXT)


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="heads is 3, but must be a divisor of width=32"):
        Transformer(heads=3)
