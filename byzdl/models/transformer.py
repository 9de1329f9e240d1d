"""A small transformer."""

import math
from typing import ClassVar, Literal

import torch
from pydantic import model_validator
from torch import Tensor, nn

from byzdl.config.types import ConfigError, Count
from byzdl.models.base import Model
from byzdl.models.padding import Padding, check_padding, counting, mean_of
from byzdl.samples import Kind, Sample


class Transformer(Model):
    """Builds a transformer over tokens, with pre-normalisation and without dropout.

    A token's embedding and its position's are added up. Then come `depth` blocks of self-attention and of a perceptron
    with 4 `width` GELU units, a layer norm, and a linear layer on top of the mean position or the last one.

    - `width`: the numbers that stand for a position
    - `depth`: the number of blocks
    - `heads`: attention heads of a block, a divisor of `width`
    - `causal`: a position sees only earlier ones and itself
    - `positions`: `learned` ones are parameters, one for each place in a sample; `sinusoidal` ones are fixed
    - `pool`: the outputs come from the `mean` over all positions, or from the `last` one
    - `padding`: the token that fills short texts up. No position sees it, and neither the mean nor the last position has
      it; null if there is none

    **Source:** A. Vaswani et al., *Attention is all you need* (NeurIPS 2017), its encoder, or its decoder without
    cross-attention if causal; with norms in front of each part, as R. Xiong et al., *On layer normalization in the
    transformer architecture* (ICML 2020). Embeddings are not scaled by the root of the width: they have a variance of 1.
    """

    reads: ClassVar[tuple[Kind, ...]] = ("tokens",)

    width: Count = 32
    depth: Count = 2
    heads: Count = 2
    causal: bool = False
    positions: Literal["learned", "sinusoidal"] = "learned"
    pool: Literal["mean", "last"] = "mean"
    padding: Padding = 0

    @model_validator(mode="after")
    def _divides(self) -> "Transformer":
        if self.width % self.heads:
            raise ConfigError.of("heads", self.heads, f"a divisor of width={self.width}")
        return self

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        check_padding(self.padding, sample)
        return Reader(self, sample, outputs)


class Reader(nn.Module):
    """Reads tokens [b, length] in blocks of attention, and answers with outputs [b, outputs]."""

    def __init__(self, keys: Transformer, sample: Sample, outputs: int):
        super().__init__()
        self.keys = keys
        self.table = nn.Embedding(sample.vocabulary, keys.width)
        if keys.positions == "learned":
            self.places = nn.Parameter(torch.randn(sample.size, keys.width))
        self.blocks = nn.ModuleList(Block(keys.width, keys.heads) for _ in range(keys.depth))
        self.norm = nn.LayerNorm(keys.width)
        self.head = nn.Linear(keys.width, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        counted = counting(tokens, self.keys.padding)
        values = self.read(tokens)
        if self.keys.pool == "mean":
            return self.head(mean_of(values, counted))  # type: ignore[no-any-return]
        places = torch.arange(tokens.shape[1], device=tokens.device)
        last = (places * counted).amax(1)  # 0 for a text of padding alone
        return self.head(values.take_along_dim(last[:, None, None], 1).squeeze(1))  # type: ignore[no-any-return]

    def read(self, tokens: Tensor) -> Tensor:
        """Maps tokens [b, length] to values [b, length, width], one for each position."""
        length = tokens.shape[1]
        learned = self.keys.positions == "learned"
        values = self.table(tokens) + (self.places if learned else sinusoids(length, self.keys.width, tokens.device))
        itself = torch.eye(length, dtype=torch.bool, device=tokens.device)
        seen = counting(tokens, self.keys.padding)[:, None] | itself  # A position that sees nothing would be NaN.
        if self.keys.causal:
            seen = seen & torch.ones_like(itself).tril()
        for block in self.blocks:
            values = block(values, seen)
        return self.norm(values)  # type: ignore[no-any-return]


class Block(nn.Module):
    """Adds self-attention to its input, and then a perceptron, each behind a norm."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked = nn.Linear(width, 3 * width)
        self.found = nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, values: Tensor, seen: Tensor) -> Tensor:
        """Maps [b, length, width] to the same shape; `seen` [b, length, length] marks what each position sees."""
        values = values + self._attention(self.attention_norm(values), seen)
        return values + self.perceptron(self.perceptron_norm(values))  # type: ignore[no-any-return]

    def _attention(self, values: Tensor, seen: Tensor) -> Tensor:
        # Torch's own attention cannot be computed for many models at once.
        parts = self.asked(values).unflatten(-1, (3, self.heads, -1))
        queries, keys, told = (part.transpose(1, 2) for part in parts.unbind(2))  # [b, heads, length, width / heads]
        scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
        weights = scores.masked_fill(~seen[:, None], -math.inf).softmax(-1)
        return self.found((weights @ told).transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


def sinusoids(length: int, width: int, device: torch.device | None = None) -> Tensor:
    """Returns fixed positions [length, width]: sines and cosines in turn, of wavelengths from 2 pi to 20,000 pi.

    >>> sinusoids(2, 4)
    tensor([[0.0000, 1.0000, 0.0000, 1.0000],
            [0.8415, 0.5403, 0.0100, 0.9999]])
    """
    places = torch.arange(length, device=device)[:, None]
    waves = torch.arange(0, width, 2, device=device)
    angles = places * torch.exp(waves * (-math.log(10_000) / width))
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]
