"""Words and identifiers: sub-tokens, cuts, hiding a function's own name, weighted word overlap."""

import re
from collections.abc import Iterable
from typing import Any

_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def subtokens(text: str) -> list[str]:
    """The lower-case words a text or identifier is made of: ``getNode_id2`` gives get, node, id, 2."""
    return [piece.lower() for piece in _PIECE.findall(text)]


def first_words(text: str, limit: int) -> str:
    """The first ``limit`` words of a text, white space folded."""
    return " ".join(text.split()[:limit])


def replace_word(text: str, word: str, by: str) -> str:
    """Replace every whole-word occurrence of an identifier (calls of itself included)."""
    return re.sub(rf"(?<![\w$]){re.escape(word)}(?![\w$])", lambda _: by, text)


def replace_subtokens(name: str, words: set[str], by: str = "x") -> str:
    """An identifier or string without the pieces that are among ``words``."""
    return _PIECE.sub(lambda match: by if match.group().lower() in words else match.group(), name)


def truncated_length(code: str, token_starts: Iterable[int], limit: int) -> int:
    """How many characters of ``code`` its first ``limit`` tokens span (``token_starts``: characters)."""
    starts = list(token_starts)
    return len(code) if len(starts) <= limit else len(code[: starts[limit]].rstrip())


def idf_word_matrix(texts: list[str]) -> Any:
    """Sparse 0/1 matrix (texts x words) with each column scaled by the root of its squared idf.

    The product of two rows is then the summed idf of the words that both texts have.
    Returns a scipy CSR matrix; words seen in one text only still count (they are the rarest).
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
    idf = np.log((1 + len(texts)) / (1 + frequency)) + 0.1
    return csr_matrix((np.sqrt(idf)[columns], columns, ends), shape=(len(texts), max(1, len(vocabulary))))
