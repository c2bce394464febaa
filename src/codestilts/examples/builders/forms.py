"""Tasks of one form in three domains: the question is the same; only the texts and the closed class of words differ.

The domain (key ``domain`` of the task file) says what the texts are: windows of the Brown corpus (english), functions
(code) or their documentation (docs), both of the intermediate packages. The forms ask for a masked word of a closed
class (cloze), the continuation of a text among four (choice), the word that is missing from a quotation (span), the
case of tokens that are shown in lower case (tagging), the second part of a text among many (retrieval), and the version
of a text that was not edited (error). Tasks of a form have the same lengths in tokens, the same numbers of labels or
choices, and the same distribution of the answer's position.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, MASK
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.choices import CHOICES, DRAWS, among, wrong_endings
from codestilts.examples.builders.domains import LEAST_TOKENS, Text, load_texts
from codestilts.examples.builders.edits import Edits, edits_of
from codestilts.examples.sampling import hash_choice, hash_uniform, sample_rows

Row = dict[str, Any]

PIECE = 10  # tokens of a piece of a passage; four pieces and a quotation fit into 96 subwords of code
LEAST_ANSWER = 4  # characters of the word that is missing from a quotation, so that it is seldom a function word


def _examples(rows: list[Row], settings: BuilderSettings, columns: Sequence[str], by: Sequence[str]) -> pd.DataFrame:
    """Sample the rows that the study asks for.

    Raises:
        CodeStiltsError: There are no rows.
    """
    if not rows:
        raise CodeStiltsError(
            f"task {settings.task}: no text of domain {settings.domain} yields an example: add sources"
        )
    return sample_rows(pd.DataFrame(rows), settings, by=by)[[*EXAMPLE_COLUMNS, *columns]]


def _windows(inputs: Inputs, settings: BuilderSettings) -> list[Text]:
    """The first tokens of each text: from ``LEAST_TOKENS`` up to the option ``tokens``, in all domains alike."""
    most = settings.required("tokens")
    return [text.part(0, _length(text, most)) for text in load_texts(inputs, settings)]


def _length(text: Text, most: int) -> int:
    """The number of tokens of a text's window, uniform between ``LEAST_TOKENS`` and ``most``."""
    return LEAST_TOKENS + int(hash_uniform("length", text.common["id"]) * (most + 1 - LEAST_TOKENS))


def _window_around(text: Text, index: int, settings: BuilderSettings) -> Text:
    """The window of a text in which the position of the token ``index`` is uniform.

    Near an end of the text, where there are fewer tokens on one side, the window has more on the other.
    """
    length = _length(text, settings.required("tokens"))
    before = int(hash_uniform("before", text.common["id"], index) * length)
    first = max(0, min(index - before, len(text.tokens) - length))
    return text.part(first, first + length)


def cloze(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Predict a masked word of a closed class, the labels: function words of prose, keywords and operators of code.

    A text gives one example for each label that occurs in it: a window around the word. Labels are equally frequent as
    far as possible.
    """
    rows: list[Row] = []
    for text in load_texts(inputs, settings):
        positions: dict[str, list[int]] = {}
        for index, word in enumerate(text.closed_class()):
            positions.setdefault(word, []).append(index)
        for label in sorted(positions.keys() & set(settings.labels)):
            index = hash_choice(positions[label], "place", text.common["id"])
            masked = _window_around(text.replaced(index, MASK), index, settings).text
            row = text.common | {"id": f"{text.common['id']}#{label}", "text_a": masked, "text_b": "", "label": label}
            rows.append(row)
    return _examples(rows, settings, ["text_a", "text_b", "label"], by=["label"])


def choice(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Choose the second half of a text among four; the wrong ones continue other texts of its package or genre.

    They differ in length from the right one by at most a third. The position of the right one is uniform.
    """
    halves: dict[tuple[str, str, str], list[Row]] = {}
    for text in _windows(inputs, settings):
        middle = len(text.tokens) // 2
        half = text.common | {"context": text.part(0, middle).text, "ending": text.part(middle, len(text.tokens)).text}
        half["words"] = len(text.tokens) - middle
        halves.setdefault((half["split"], half["language"], text.group), []).append(half)
    rows: list[Row] = []
    for pool in halves.values():
        for row in pool:
            wrong = wrong_endings(row, pool)
            if len(wrong) == CHOICES - 1:
                rows.append(row | among(wrong, row["ending"], row["id"]))
    return _examples(rows, settings, ["context", "choices", "label"], by=["package"])


def span(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Find the word that is missing from a quotation of a passage.

    The passage consists of four pieces of texts of one package or genre. The question is one of them with a word
    masked, as in Hermann et al. 2015. The word occurs once in the passage, and the position of its piece is uniform.
    """
    pieces: dict[tuple[str, str, str], list[Row]] = {}
    for text in load_texts(inputs, settings):
        first = int(hash_uniform("piece", text.common["id"]) * (len(text.tokens) - PIECE + 1))
        piece = text.part(first, first + PIECE)
        key = (text.common["split"], text.common["language"], text.group)
        pieces.setdefault(key, []).append(text.common | {"piece": piece})
    rows = [row for pool in pieces.values() for entry in pool if (row := _quotation(entry, pool))]
    return _examples(rows, settings, ["question", "context", "answer_start", "answer_text"], by=["package"])


def _quotation(row: Row, pool: list[Row]) -> Row | None:
    """A passage and a quotation; None if no word of the piece is unique, or the package has too few pieces."""
    piece: Text = row["piece"]
    drawn = [hash_choice(pool, "passage", row["id"], attempt) for attempt in range(DRAWS)]
    others: dict[str, Text] = {
        other["cluster"]: other["piece"] for other in drawn if other["cluster"] != row["cluster"]
    }
    parts = list(others.values())[: CHOICES - 1]
    words = [token for part in parts for token in part.tokens] + list(piece.tokens)
    unique = [
        index
        for index, token in enumerate(piece.tokens)
        if token.isidentifier() and len(token) >= LEAST_ANSWER and words.count(token) == 1
    ]
    if len(parts) < CHOICES - 1 or not unique:
        return None
    index = hash_choice(unique, "answer", row["id"])
    position = int(hash_uniform("place", row["id"]) * CHOICES)
    texts = [part.text for part in (*parts[:position], piece, *parts[position:])]
    start = sum(len(text) + 1 for text in texts[:position]) + piece.starts[index]
    answer = {"answer_start": start, "answer_text": piece.tokens[index]}
    return row | {"question": piece.replaced(index, MASK).text, "context": "\n".join(texts)} | answer


def tagging(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tag each token of a text, shown in lower case, with its original case (:func:`case_of`)."""
    most, rows = settings.required("characters"), list[Row]()
    for text in _windows(inputs, settings):
        tags = [case_of(token) for token in text.tokens]
        rows.append(text.common | {"tokens": [token[:most].lower() for token in text.tokens], "tags": tags})
    return _examples(rows, settings, ["tokens", "tags"], by=["package"])


def case_of(token: str) -> str:
    """Return the case of a token: an initial capital, only capitals, capitals elsewhere, or O if it has none."""
    if token.lower() == token:
        return "O"
    if token.upper() == token:
        return "B-upper" if sum(map(str.isalpha, token)) > 1 else "B-initial"
    return "B-initial" if token[0].isupper() and token[1:].lower() == token[1:] else "B-mixed"


def retrieval(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Find the rest of a text by its first sentence; texts of one sentence are left out. A cluster has one row."""
    rows: list[Row] = []
    seen: set[tuple[str, str]] = set()
    for text in load_texts(inputs, settings):
        end = next((index + 1 for index, token in enumerate(text.tokens) if token in {".", "!", "?"}), len(text.tokens))
        half = settings.required("tokens") // 2
        query, document = text.part(max(0, end - half), end).text, text.part(end, end + half).text
        key = (text.common["split"], text.common["cluster"])
        if len(text.tokens) - end >= LEAST_TOKENS // 2 <= end and not {key, (key[0], query), (key[0], document)} & seen:
            seen |= {key, (key[0], query), (key[0], document)}
            rows.append(text.common | {"query": query, "document": document})
    return _examples(rows, settings, ["query", "document"], by=["package"])


def error(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Choose the original among four versions of a text; each wrong version has as many edits as the option ``edits``.

    An edit exchanges two tokens, or puts in a wrong form or a wrong word of a closed class. As in minimal pairs, the
    versions differ in nothing else.
    """
    rows: list[Row] = []
    for text in _windows(inputs, settings):
        wrong = _wrong_versions(text, edits_of(settings.domain or ""), settings.required("edits"))
        if len(wrong) == CHOICES - 1:
            rows.append(text.common | {"context": ""} | among(wrong, text.text, text.common["id"]))
    return _examples(rows, settings, ["context", "choices", "label"], by=["package"])


def _wrong_versions(text: Text, kinds: Mapping[str, Edits], count: int) -> list[str]:
    """Up to three versions of a text with ``count`` edits each."""
    drawn: dict[str, None] = {}
    for attempt in range(DRAWS):
        version = text
        for number in range(count):
            version = _edited(version, kinds, (text.common["id"], attempt, number))
        drawn[version.text] = None
        if len(wrong := [other for other in drawn if other != text.text]) == CHOICES - 1:
            return wrong
    return []


def _edited(text: Text, kinds: Mapping[str, Edits], key: tuple[object, ...]) -> Text:
    """Edit a text once, or return it unchanged if no edit fits; the kind is drawn first, so that no kind prevails."""
    edits = {kind: found for kind, find in kinds.items() if (found := find(text))}
    if not edits:
        return text
    return hash_choice(edits[hash_choice(sorted(edits), "kind", *key)], "edit", *key)
