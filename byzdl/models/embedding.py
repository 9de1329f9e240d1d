"""A network that reads a text as a bag of tokens."""

from typing import ClassVar

from torch import Tensor, nn

from byzdl.config.types import Count
from byzdl.models.base import Model
from byzdl.models.padding import Padding, check_padding, counting, mean_of
from byzdl.samples import Kind, Sample


class Embedding(Model):
    """Builds a mean of token embeddings, followed by one hidden layer of ReLU units.

    The order of the tokens does not count. Padding is left out of the mean, which is 0 for a text of padding alone.

    - `width`: the numbers that stand for a token
    - `hidden`: the width of the hidden layer
    - `padding`: the token that fills short texts up; null if there is none

    **Source:** A. Joulin et al., *Bag of tricks for efficient text classification* (EACL 2017), with a hidden layer, and
    without n-grams.
    """

    reads: ClassVar[tuple[Kind, ...]] = ("tokens",)

    width: Count = 32
    hidden: Count = 64
    padding: Padding = 0

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        check_padding(self.padding, sample)
        mean = MeanEmbedding(sample.vocabulary, self.width, self.padding)
        return nn.Sequential(mean, nn.Linear(self.width, self.hidden), nn.ReLU(), nn.Linear(self.hidden, outputs))


class MeanEmbedding(nn.Embedding):
    """Averages the embeddings of all tokens but padding."""

    def __init__(self, vocabulary: int, width: int, padding: int | None):
        super().__init__(vocabulary, width)
        self.padding = padding

    def forward(self, tokens: Tensor) -> Tensor:
        """Maps tokens [b, length] to means [b, width]."""
        return mean_of(super().forward(tokens), counting(tokens, self.padding))
