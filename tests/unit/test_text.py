import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from codestilts.examples.text import (
    first_words,
    idf_word_matrix,
    is_blank,
    most_similar,
    replace_word,
    sentences,
    subtokens,
    truncated_length,
)


def test_the_sentence_that_shares_most_of_its_words_is_the_most_similar() -> None:
    """Of the third sentence, two of three words are in the question; of the others, none."""
    parts = sentences("The sea is near. Nothing else. Boats are red! Why؟ So it is۔ 海很近。完")
    assert parts == ["The sea is near.", "Nothing else.", "Boats are red!", "Why؟", "So it is۔", "海很近。", "完"]
    assert most_similar("are boats", parts) == 2 and most_similar("why", parts) == 3 and most_similar("x", parts) == 0
    assert sentences("...") == ["..."]


def test_marks_without_width_are_nothing_to_read() -> None:
    assert all(map(is_blank, ["", " \n\t", "\u200b", "\ufeff \u2060", "\u00a0\u3000", "\u3164 \uffa0", "\u115f\u1160"]))
    assert not any(map(is_blank, [".", "a\u200b", "\u200d\u0915", "\u1100\u1161", "🙂"]))


def test_subtokens():
    assert subtokens("getHTMLNode_id2") == ["get", "html", "node", "id", "2"]
    assert subtokens("a->b != NULL") == ["a", "b", "null"]


def test_replace_word_leaves_longer_identifiers():
    assert replace_word("fib(n) + fib2(n) + a.fib", "fib", "f") == "f(n) + fib2(n) + a.f"
    assert replace_word("$get(x) + get", "get", "f") == "$get(x) + f"


@given(st.text(), st.text(alphabet="ab_$", min_size=1, max_size=4))
def test_replaced_word_is_gone(text, word):
    assert replace_word(replace_word(text, word, "#"), word, "?") == replace_word(text, word, "#")


def test_cuts():
    assert first_words("one  two\nthree", 2) == "one two"
    assert truncated_length("a + b", [0, 2, 4], 2) == 3
    assert truncated_length("a + b", [0, 2, 4], 3) == 5


def test_rare_words_weigh_more():
    matrix = idf_word_matrix(["the cat", "the dog", "the bird", "cat"]).toarray()
    common, cat = (matrix[0] ** 2)[np.argsort(-(matrix > 0).sum(0))[:2]]
    assert 0 < common < cat
