"""Texts as tokens, known by the training part alone."""

from byzdl.data.tokens import PADDING, UNKNOWN, Tokenizer


def test_the_most_frequent_piece_comes_first_and_ties_are_in_alphabetical_order():
    assert Tokenizer.fitted(["banana", "bb"], "characters").numbers == {"a": 2, "b": 3, "n": 4}
    assert Tokenizer.fitted(["b a", "c a"], "words").numbers == {"a": 2, "b": 3, "c": 4}


def test_words_are_lower_case_and_marks_stand_alone():
    tokenizer = Tokenizer.fitted(["Don't go, Ändern! x_1"], "words")
    assert set(tokenizer.numbers) == {"don", "'", "t", "go", ",", "ändern", "!", "x_1"}


def test_only_the_most_frequent_are_known():
    tokenizer = Tokenizer.fitted(["c c c b b a"], "words", most=2)
    assert (tokenizer.numbers, tokenizer.vocabulary) == ({"c": 2, "b": 3}, 4)
    assert tokenizer.tokens("a b c").tolist() == [UNKNOWN, 3, 2]


def test_a_long_text_is_cut_and_a_short_one_filled_up():
    tokenizer = Tokenizer.fitted(["ab"], "characters")
    filled = tokenizer.filled(["abab", "b", "", "xA"], length=3)
    assert filled.tolist() == [[2, 3, 2], [3, PADDING, PADDING], [PADDING] * 3, [UNKNOWN, UNKNOWN, PADDING]]


def test_without_texts_everything_is_unknown():
    tokenizer = Tokenizer.fitted([], "words")
    assert tokenizer.vocabulary == 2
    assert tokenizer.filled(["a b"], length=2).tolist() == [[UNKNOWN, UNKNOWN]]
