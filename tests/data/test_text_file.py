"""Texts of one's own: windows of characters, and the next one."""

import re

import numpy as np
import pytest

import byzdl
from byzdl.config.compose import compose
from byzdl.config.identity import identity
from byzdl.config.types import ConfigError
from byzdl.data import TextFile, load
from byzdl.samples import Sample

PLAY = "Prologue\nANN:\nhello\nBOB:\nno\nANN:\nbye bye\nthe end"


def written(folder, text, encoding="utf-8"):
    file = folder / "my.txt"
    file.write_bytes(text.encode(encoding))
    return str(file)


def read(folder, text, **keys):
    return TextFile(path=written(folder, text), **{"length": 3, "stride": 1, "test_share": 0.4, **keys}).decode()


def test_windows_by_hand(tmp_path):
    # The training part is abacab, and the test part abca. Tokens: a 2, b 3, c 4.
    arrays = read(tmp_path, "abacababca")
    assert arrays.train_inputs.tolist() == [[2, 3, 2], [3, 2, 4], [2, 4, 2]]
    assert arrays.train_targets.tolist() == [2, 0, 1]  # c, a, b
    assert (arrays.test_inputs.tolist(), arrays.test_targets.tolist()) == ([[2, 3, 4]], [0])
    assert (arrays.classes, arrays.vocabulary, arrays.groups) == (4, 5, None)


def test_a_stride_skips_beginnings(tmp_path):
    # Nine characters to train on: windows begin at 0, 2 and 4, and the last one's next character is the eighth.
    arrays = read(tmp_path, "abcdefghiabcdef", stride=2)
    letters = np.array(list("abcdefghi"))
    assert ["".join(letters[window - 2]) for window in arrays.train_inputs] == ["abc", "cde", "efg"]
    assert "".join(letters[arrays.train_targets]) == "dfh"
    assert arrays.test_inputs.shape == (2, 3)


def test_an_unknown_character_is_token_1_and_the_last_class(tmp_path):
    arrays = read(tmp_path, "ababab" + "aXbZ")
    assert arrays.test_inputs.tolist() == [[2, 1, 3]]
    assert arrays.test_targets.tolist() == [arrays.classes - 1] == [2]


def test_windows_belong_to_the_speaker_of_the_character_to_predict(tmp_path):
    arrays = read(tmp_path, PLAY, test_share=0.2, speaker=r"^([A-Z]+):$")
    # Of 48 characters, 38 are to train on. Those from the fourth one on are predicted: 6 before the first name; the 11 of
    # "ANN:", "hello" and their line ends; the 8 of "BOB:" and "no"; and the first 10 of the last part.
    assert arrays.groups.tolist() == [0] * 6 + [1] * 11 + [2] * 8 + [1] * 10


def test_speakers_without_a_window_are_not_counted(tmp_path):
    # The only character to predict is the sixth: ANN's first one.
    arrays = read(tmp_path, "BOB:\nANN:\naaaaaaaaaa", length=5, test_share=0.3, speaker="^([A-Z]+):$", stride=100)
    assert arrays.groups.tolist() == [0]


def test_line_ends_and_a_byte_order_mark_do_not_count(tmp_path):
    plain = read(tmp_path, "ab\nab\nab\nab\nab")
    other = read(tmp_path, "\ufeffab\r\nab\r\nab\r\nab\r\nab")
    assert all(np.array_equal(one, two) for one, two in zip(plain, other, strict=True))


@pytest.mark.parametrize("model", [["cnn1d"], ["transformer", "model.causal=true", "model.pool=last"]], ids=str)
def test_a_text_that_repeats_itself_is_learned(tmp_path, model):
    path, cache = written(tmp_path, "to be or not to be; " * 40), str(tmp_path / "cache")
    keys = {"dataset": {"path": path, "length": 8, "stride": 2, "cache": cache}, "topology": {"n": 3}}
    name, *more = model
    run = byzdl.run(
        *("dataset=text_file", f"model={name}", "defense=mean", "attack=none", *more),
        rounds=40, batch_size=8, progress=False, **keys,
    )  # fmt: skip
    assert run.accuracy > 0.9


def test_samples_are_tokens(tmp_path):
    data = load(TextFile(path=written(tmp_path, PLAY), length=4, cache=str(tmp_path / "cache")))
    assert data.sample == Sample((4,), "tokens", 2 + len(set(PLAY[:43])))


def test_the_texts_content_counts_and_its_place_does_not(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

    def known(folder, text):
        return identity(compose("dataset=text_file", f"dataset.path={written(tmp_path / folder, text)}"))

    assert known("a", PLAY) == known("b", PLAY) != known("a", f"{PLAY}!")


WRONG = {
    "dataset.length is 8, but must be at most 3, as the test part of": {"length": 8},
    "dataset.test_share is 0.001, but must be a share that leaves some characters": {"test_share": 0.001},
    "dataset.speaker is '^(X):$', but must be one that names a speaker at the beginning of a line": {
        "speaker": "^(X):$"
    },
}


@pytest.mark.parametrize("says", WRONG)
def test_what_does_not_fit_the_text_is_one_line(tmp_path, says):
    with pytest.raises(ConfigError, match=rf"^{re.escape(says)}[^\n]*$"):
        read(tmp_path, "abacababca", **WRONG[says])


@pytest.mark.parametrize("speaker", ["^[A-Z]+:$", "(", ""])
def test_a_speakers_expression_has_a_group(speaker):
    with pytest.raises(ValueError, match="a regular expression with a group"):
        TextFile(speaker=speaker)


def test_what_is_no_text_is_one_line(tmp_path):
    latin = written(tmp_path, "café", "latin-1")
    with pytest.raises(ConfigError, match=r"^dataset\.path is .*, but must be a text in UTF-8 \(byte 3 of .* is no"):
        TextFile(path=latin).decode()
    with pytest.raises(ConfigError, match=r"^dataset\.path is .*, but must be a readable text \(Is a directory\)$"):
        TextFile(path=str(tmp_path)).decode()
