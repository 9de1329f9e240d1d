"""Texts as tokens: integers that stand for characters or words."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.int64]
Pieces = Literal["characters", "words"]

# The first tokens of every vocabulary: what fills a short text up, and what no training text has.
PADDING, UNKNOWN = 0, 1
SPECIAL = 2

# A word, or a mark that is neither a letter, a digit nor a space.
WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Tokenizer:
    """Turns texts into tokens, by the pieces that training texts have.

    A piece is a character, or a word in lower case; each mark of punctuation is a word, too. Token 0 is padding, token 1
    is any unknown piece, and the others are the known pieces, the most frequent one first.

    - `pieces`: `characters` or `words`
    - `numbers`: the token of each known piece

    >>> tokenizer = Tokenizer.fitted(["The cat sat.", "The dog."], "words")
    >>> list(tokenizer.numbers)
    ['.', 'the', 'cat', 'dog', 'sat']
    >>> tokenizer.filled(["The bird sat.", "Cat!"], length=5)
    array([[3, 1, 6, 2, 0],
           [4, 1, 0, 0, 0]])
    """

    pieces: Pieces
    numbers: Mapping[str, int]

    @classmethod
    def fitted(cls, texts: Iterable[str], pieces: Pieces, most: int | None = None) -> "Tokenizer":
        """Makes a tokenizer that knows the pieces of training texts.

        - `most`: how many it knows at most, the most frequent ones; None for all
        """
        counts = Counter(piece for text in texts for piece in _cut(text, pieces))
        ordered = sorted(counts, key=lambda piece: (-counts[piece], piece))[:most]
        return cls(pieces, {piece: SPECIAL + place for place, piece in enumerate(ordered)})

    @property
    def vocabulary(self) -> int:
        """The number of different tokens."""
        return SPECIAL + len(self.numbers)

    def tokens(self, text: str) -> Tokens:
        """Returns the tokens of a whole text, one a piece."""
        return np.fromiter(self._numbered(text), dtype=np.int64)

    def filled(self, texts: Sequence[str], length: int) -> Tokens:
        """Returns the first tokens of each text [N, length]. A shorter text is filled up with padding at its end."""
        found = np.full((len(texts), length), PADDING, dtype=np.int64)
        for row, text in zip(found, texts, strict=True):
            first = list(islice(self._numbered(text), length))
            row[: len(first)] = first
        return found

    def _numbered(self, text: str) -> Iterable[int]:
        return (self.numbers.get(piece, UNKNOWN) for piece in _cut(text, self.pieces))


def _cut(text: str, pieces: Pieces) -> Iterable[str]:
    return text if pieces == "characters" else (found.group() for found in WORD.finditer(text.lower()))
