"""Read the Brown corpus: a file a document, a line a sentence, tokens written ``word/tag``."""

import re
from dataclasses import dataclass
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import members

DOCUMENT = re.compile(r"(?:^|/)(c[a-r]\d\d)$")
QUOTES = {"``", "''"}  # opening and closing


@dataclass(frozen=True)
class Document:
    """``name`` is the corpus' own (``ca01``: genre a, text 1); ``sentences`` are lists of (word, tag)."""

    name: str
    sentences: list[list[tuple[str, str]]]


def read_brown(archive: Path) -> list[Document]:
    """The documents of the corpus, by name.

    Raises CodeStiltsError (archive, member, line) for a token without a tag, a member that is not text, and an
    archive without documents.
    """
    documents = []
    for member, content in members(archive):
        match = DOCUMENT.search(member)
        if match:
            try:
                lines = content.decode("ascii").splitlines()
            except UnicodeDecodeError as error:
                raise CodeStiltsError(f"{archive.name}: {member}: not plain ASCII text: {error}") from error
            sentences = [
                _undoubled([_token(item, f"{archive.name}: {member}, line {number}") for item in line.split()])
                for number, line in enumerate(lines, 1)
            ]
            documents.append(Document(match[1], [sentence for sentence in sentences if sentence]))
    if not documents:
        raise CodeStiltsError(
            f"{archive.name}: holds no document of the Brown corpus (ca01, ca02, ...): fetch it again"
        )
    return sorted(documents, key=lambda document: document.name)


def _token(item: str, where: str) -> tuple[str, str]:
    word, slash, tag = item.rpartition("/")
    if not (word and slash and tag):
        raise CodeStiltsError(f"{where}: expected word/tag, found {item[:40]!r}: the file is damaged, fetch it again")
    return word, tag


def _undoubled(sentence: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The corpus writes ``?``, ``!`` and ``;`` twice; once is what was printed."""
    return [
        token
        for token, before in zip(sentence, [None, *sentence], strict=False)
        if token != before or token[0] not in {"?", "!", ";"}
    ]


def base_tag(tag: str) -> str:
    """The tag without the corpus' marks for titles, headlines, citations and negation.

    A contraction (``pps+bez``) counts as its first part, any foreign word as ``fw``.
    """
    if tag.startswith("fw-"):
        return "fw"
    tag = "--" if tag.startswith("--") else tag.split("+")[0].split("-")[0]
    return tag.rstrip("*") or "*"


def plain_text(words: list[str]) -> str:
    """The sentence as it would be printed: ``He said : `` No ''`` without the blanks between the tokens."""
    text, glued = "", True  # glued: no blank before the next word
    for word in words:
        joined = glued or word in {",", ".", ";", ":", "?", "!", ")", "''"}
        text += ("" if joined else " ") + ('"' if word in QUOTES else word)
        glued = word in {"(", "``"}
    return text
