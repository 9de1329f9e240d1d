"""A text of the user's own, read character by character."""

import re
from typing import Annotated

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from byzdl.config.types import ConfigError, Count, takes
from byzdl.data.arrays import Arrays
from byzdl.data.own_file import OwnFile
from byzdl.data.tokens import SPECIAL, UNKNOWN, Tokenizer, Tokens


def _names_a_speaker(pattern: str | None) -> bool:
    try:
        return pattern is None or re.compile(pattern).groups > 0
    except re.error:
        return False


class TextFile(OwnFile):
    """Learns to predict the next character of a text of your own: a file in UTF-8, such as the plays of Shakespeare.

    A sample is a window of `length` characters, and its class is the character that follows. The end of the text is the
    test part. Windows lie in one part as a whole, with the character that follows.

    - `path`: the file
    - `length`: characters in a window
    - `stride`: characters from the beginning of a window to that of the next one
    - `test_share`: the share of the text to test with
    - `speaker`: a regular expression for the lines that name a speaker, such as `^([A-Z ]+):$`; its first group is the
      name. A training sample then belongs to the speaker of the character to predict. The text before the first name
      belongs to a speaker of its own. null: samples belong to nobody
    - `checksum`: the checksum of the file, computed in the YAML. It represents the file in a run's identity

    The characters of the training part are tokens from 2 on, the most frequent one first. Each other character is the
    token 1. The classes are the tokens from 2 on, and a last one for other characters, which nothing trains for. Lines may
    end in any way.

    **Source:** the task of S. Caldas et al., *LEAF: a benchmark for federated settings* (2018), section 3. There, the
    windows of a speaker have no words of others.
    """

    test_share: Annotated[float, takes("a number between 0 and 1", lambda v: 0 < v < 1)] = 0.1
    length: Count = 80
    stride: Count = 10
    speaker: Annotated[
        str | None, takes("null, or a regular expression with a group, as ^([A-Z ]+):$", _names_a_speaker)
    ] = None

    def read(self) -> Arrays:
        text = self._text()
        cut = len(text) - round(self.test_share * len(text))
        self._check_length(cut, len(text) - cut)
        tokenizer = Tokenizer.fitted([text[:cut]], "characters")
        tokens = tokenizer.tokens(text)
        train, test = (self._windows(part) for part in (tokens[:cut], tokens[cut:]))
        known = len(tokenizer.numbers)
        return Arrays(
            *(train[:, :-1].copy(), _classes(train[:, -1], known)),
            *(test[:, :-1].copy(), _classes(test[:, -1], known)),
            classes=known + 1,
            vocabulary=tokenizer.vocabulary,
            groups=self._owners(text, cut),
        )

    def _text(self) -> str:
        place = self.place()
        try:
            return place.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            why = f"byte {error.start} of {self.path} is no character"
            raise ConfigError.of("dataset.path", self.path, f"a text in UTF-8 ({why})") from error
        except OSError as error:
            raise ConfigError.of("dataset.path", self.path, f"a readable text ({error.strerror})") from error

    def _check_length(self, train: int, test: int) -> None:
        least = min(train, test)
        if self.length < least:
            return
        part = f"the {'test' if test < train else 'training'} part of {self.path} has {least} characters"
        if least < 2:
            takes = f"a share that leaves some characters to train on and some to test with: {part}"
            raise ConfigError.of("dataset.test_share", self.test_share, takes)
        raise ConfigError.of("dataset.length", self.length, f"at most {least - 1}, as {part}")

    def _windows(self, part: Tokens) -> Tokens:
        """The windows of a part, each with the token that follows [N, length + 1]."""
        windows: Tokens = sliding_window_view(part, self.length + 1)[:: self.stride]
        return windows

    def _owners(self, text: str, cut: int) -> NDArray[np.int64] | None:
        """The speaker of each training sample [N], numbered in alphabetical order."""
        if self.speaker is None:
            return None
        # No name is empty: that of the text before the first one.
        starts, names, at = [0], [""], 0
        for line in text[:cut].split("\n"):
            found = re.match(self.speaker, line)
            if found and (name := (found.group(1) or "").strip()):
                starts.append(at)
                names.append(name)
            at += len(line) + 1
        if len(names) == 1:
            takes = f"one that names a speaker at the beginning of a line; no line to train on in {self.path} matches"
            raise ConfigError.of("dataset.speaker", self.speaker, takes)
        predicted = np.arange(self.length, cut, self.stride)
        parts = np.searchsorted(starts, predicted, side="right") - 1
        return np.unique(np.array(names)[parts], return_inverse=True)[1].astype(np.int64)


def _classes(tokens: Tokens, known: int) -> NDArray[np.int64]:
    return np.where(tokens == UNKNOWN, known, tokens - SPECIAL)
