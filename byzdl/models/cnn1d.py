"""A convolutional network over series."""

from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn

from byzdl.config.types import ConfigError, Count, takes
from byzdl.models.base import Model
from byzdl.samples import Kind, Sample


class Cnn1d(Model):
    """Builds two convolutions over a series, and two linear layers.

    Each convolution keeps the length, and is followed by ReLU and max-pooling of two neighbours; an odd one at the end
    stays. A series is features [length] or [channels, length]. A text becomes a series of embeddings.

    - `channels`: the widths of the convolutions
    - `kernel`: the length of their kernels, an odd number
    - `hidden`: the width of the first linear layer
    - `width`: the numbers that stand for a token
    """

    reads: ClassVar[tuple[Kind, ...]] = ("features", "tokens")

    channels: Annotated[
        list[int],
        takes("a list of two integers, each at least 1", lambda v: len(v) == 2 and min(v) >= 1),
    ] = Field(default=[16, 32])
    kernel: Annotated[int, takes("an odd integer, at least 1", lambda v: v >= 1 and v % 2 == 1)] = 5
    hidden: Count = 64
    width: Count = 16

    def build(self, sample: Sample, outputs: int) -> nn.Module:
        if len(sample.shape) > 2:
            takes = f"a network that reads {sample}; this one reads [length], and [channels, length]"
            raise ConfigError.of("model", self.name, takes)
        *before, length = sample.shape
        first: nn.Module = Channels()
        channels = before[0] if before else 1
        if sample.kind == "tokens":
            first, channels = Embeddings(sample.vocabulary, self.width), self.width
        layers = [first]
        for width in self.channels:
            layers += [
                nn.Conv1d(channels, width, self.kernel, padding=self.kernel // 2),
                nn.ReLU(),
                nn.MaxPool1d(2, ceil_mode=True),
            ]
            channels, length = width, -(-length // 2)
        head = nn.Linear(channels * length, self.hidden), nn.ReLU(), nn.Linear(self.hidden, outputs)
        return nn.Sequential(*layers, nn.Flatten(), *head)


class Channels(nn.Module):
    """Makes series [b, length] and [b, channels, length] the latter."""

    def forward(self, series: Tensor) -> Tensor:
        return series.reshape(len(series), -1, series.shape[-1])


class Embeddings(nn.Embedding):
    """Makes tokens [b, length] series [b, width, length]."""

    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens).mT
