"""Words, sentences and identifiers: subtokens, truncation, replacing names, word overlap."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

_SUBTOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_SENTENCE = re.compile(r"[^.!?。！？।؟۔]+[.!?。！？।؟۔]*")
HANGUL_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters by their category, but nothing is seen
IDF_OFFSET = 0.1  # keeps the weight of a word that every text has above 0


def subtokens(text: str) -> list[str]:
    """Split a text or identifier into lower-case words: ``getNode_id2`` gives get, node, id, 2."""
    return [piece.lower() for piece in _SUBTOKEN.findall(text)]


def is_blank(text: str) -> bool:
    """Whether a text has nothing to read: only white space, fillers, and marks without width, such as U+200B."""
    return all(char.isspace() or char in HANGUL_FILLERS or unicodedata.category(char) in {"Cc", "Cf"} for char in text)


def spelling(text: str) -> str:
    """Return what all tokenizers keep of a text: no white space, capitals or accents."""
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(char for char in letters if not char.isspace() and unicodedata.category(char) != "Mn")


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in any language, or the whole text if it has none."""
    return [part.strip() for part in _SENTENCE.findall(text)] or [text]


def most_similar(text: str, options: list[str]) -> int:
    """Return the index of the option with the largest share of its sub-tokens in ``text`` (the first among equals)."""
    words = set(subtokens(text))
    option_words = [set(subtokens(option)) for option in options]
    scores = [len(words & option) / max(len(option), 1) for option in option_words]
    return scores.index(max(scores))


def letters_only(name: str) -> str:
    """Return the letters and digits of a name in lower case: ``two-fer`` and ``TwoFer`` give ``twofer``."""
    return re.sub(r"[\W_]", "", name).lower()


def normalise_whitespace(text: Any) -> str:
    """Return a text, or the tokens of a list, with a single space for any white space."""
    return " ".join((text if isinstance(text, str) else " ".join(text)).split())


def first_words(text: str, limit: int) -> str:
    """Return the first ``limit`` words of a text, separated by single spaces."""
    return " ".join(text.split()[:limit])


def replace_word(text: str, word: str, by: str) -> str:
    """Replace every whole-word occurrence of an identifier, including recursive calls."""
    return re.sub(rf"(?<![\w$]){re.escape(word)}(?![\w$])", lambda _: by, text)


def replace_subtokens(name: str, words: set[str]) -> str:
    """Replace the subtokens of an identifier or string that are among ``words`` by ``x``."""
    return _SUBTOKEN.sub(lambda match: "x" if match.group().lower() in words else match.group(), name)


def truncated_length(code: str, token_starts: Iterable[int], limit: int) -> int:
    """Return how many characters of ``code`` its first ``limit`` tokens span (``token_starts`` in characters)."""
    starts = list(token_starts)
    return len(code) if len(starts) <= limit else len(code[: starts[limit]].rstrip())


def idf_word_matrix(texts: list[str]) -> Any:
    """Compute a sparse matrix whose row products are the summed idf of the words that two texts share.

    The entry of a text and a word is the square root of the word's smoothed idf if the text has the word, otherwise 0.
    Words of a single text count as well: they have the highest idf.

    Returns:
        A scipy CSR matrix (texts x words).
    """
    import numpy as np
    from scipy.sparse import csr_matrix

    vocabulary: dict[str, int] = {}
    indices: list[int] = []
    ends = [0]
    for text in texts:
        indices += sorted({vocabulary.setdefault(word, len(vocabulary)) for word in subtokens(text)})
        ends.append(len(indices))
    columns = np.asarray(indices, dtype=np.int64)
    frequency = np.bincount(columns, minlength=max(1, len(vocabulary)))
    idf = np.log((1 + len(texts)) / (1 + frequency)) + IDF_OFFSET
    return csr_matrix((np.sqrt(idf)[columns], columns, ends), shape=(len(texts), max(1, len(vocabulary))))
