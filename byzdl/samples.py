"""The form of a sample, as networks read it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["image", "features", "tokens"]


@dataclass(frozen=True)
class Sample:
    """Describes one sample of a data set, without its batch.

    - `shape`: (channels, height, width) of an image; the axes of features; (length,) of tokens
    - `kind`: `image` and `features` are float32, standardised; `tokens` are int64 in 0 .. vocabulary-1
    - `vocabulary`: the number of different tokens; 0 for other kinds

    >>> Sample((3, 32, 32)).size
    3072
    >>> print(Sample((30,), "features"))
    features [30]
    """

    shape: tuple[int, ...]
    kind: Kind = "image"
    vocabulary: int = 0

    @property
    def size(self) -> int:
        """The number of values of a sample."""
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"{kind_names([self.kind])[0]} {list(self.shape)}"


def kind_names(kinds: Iterable[Kind]) -> list[str]:
    """Names kinds of samples in the plural.

    >>> kind_names(["image", "tokens"])
    ['images', 'tokens']
    """
    return ["images" if kind == "image" else kind for kind in kinds]
