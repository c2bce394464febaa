"""Read the Brown corpus: one file per document, one line per sentence, tokens written ``word/tag``."""

import re
from dataclasses import dataclass
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import members

DOCUMENT = re.compile(r"(?:^|/)(c[a-r]\d\d)$")
QUOTES = {"``", "''"}  # opening and closing


@dataclass(frozen=True)
class Document:
    """A text of the corpus: its name (``ca01``: genre a, text 1), and its sentences as lists of (word, tag)."""

    name: str
    sentences: list[list[tuple[str, str]]]


def read_brown(archive: Path) -> list[Document]:
    """Read the documents of the corpus, sorted by name.

    Raises:
        CodeStiltsError: A token has no tag, a member is not text, or the archive has no documents.
    """
    documents = []
    for member, content in members(archive):
        match = DOCUMENT.search(member)
        if match:
            try:
                lines = content.decode("ascii").splitlines()
            except UnicodeDecodeError as error:
                raise CodeStiltsError(f"{archive.name}: {member}: it is not ASCII text: {error}") from error
            sentences = [
                _undoubled([_token(item, f"{archive.name}: {member}, line {number}") for item in line.split()])
                for number, line in enumerate(lines, 1)
            ]
            documents.append(Document(match[1], [sentence for sentence in sentences if sentence]))
    if not documents:
        raise CodeStiltsError(f"{archive.name}: has no document of the Brown corpus (ca01, ca02, ...): fetch it again")
    return sorted(documents, key=lambda document: document.name)


def _token(item: str, where: str) -> tuple[str, str]:
    word, slash, tag = item.rpartition("/")
    if not (word and slash and tag):
        raise CodeStiltsError(f"{where}: expected word/tag, found {item[:40]!r}: the file is damaged, fetch it again")
    return word, tag


def _undoubled(sentence: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Remove the repetition of ``?``, ``!`` and ``;``, which the corpus writes twice."""
    return [
        token
        for token, before in zip(sentence, [None, *sentence], strict=False)
        if token != before or token[0] not in {"?", "!", ";"}
    ]


def base_tag(tag: str) -> str:
    """Return a tag without the corpus' marks for titles, headlines, citations and negation.

    A contraction (``pps+bez``) counts as its first part, any foreign word as ``fw``.
    """
    if tag.startswith("fw-"):
        return "fw"
    tag = "--" if tag.startswith("--") else tag.split("+")[0].split("-")[0]
    return tag.rstrip("*") or "*"


def plain_text(words: list[str]) -> str:
    """Join the tokens of a sentence as in print: ``He said : `` No ''`` has no blanks within the quotes."""
    text, glued = "", True  # glued: no blank before the next word
    for word in words:
        joined = glued or word in {",", ".", ";", ":", "?", "!", ")", "''"}
        text += ("" if joined else " ") + ('"' if word in QUOTES else word)
        glued = word in {"(", "``"}
    return text
