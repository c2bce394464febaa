"""Invented languages: a real language whose tokens are renamed by a fixed table, ``invented.yaml``.

Grammar, layout, literals and the authors' own words stay; keywords, predefined names, operators, brackets and
delimiters have other names, and names of several words have them in reverse order (``load_node`` is ``node_load``).
No such text existed before, so an encoder cannot have seen it. The numbers and strings of the real language must look
like those of Python.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from codestilts.files import read_yaml

TABLE = Path(__file__).with_name("invented.yaml")
_LITERAL = (
    r"(?<!\w)[A-Za-z]{0,3}(?:'''(?:\\.|.)*?(?:'''|\Z)|\"\"\"(?:\\.|.)*?(?:\"\"\"|\Z)"  # a truncated string has no end
    r"|'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?)"
    r"|(?<!\w)(?:\d[\w.]*(?:(?<=[eE])[+-]\d+)?|\.\d\w*)"
)


@dataclass(frozen=True)
class Renaming:
    """Tables of words and of marks that rename the tokens of a language.

    The inverse does not restore a text that contains one of the new words.
    """

    words: Mapping[str, str]
    marks: Mapping[str, str]

    @cached_property
    def inverse(self) -> "Renaming":
        """The renaming that reverses this one."""
        return Renaming({new: old for old, new in self.words.items()}, {new: old for old, new in self.marks.items()})

    @cached_property
    def _tokens(self) -> re.Pattern[str]:
        marks = "|".join(re.escape(mark) for mark in sorted(self.marks, key=len, reverse=True))
        return re.compile(rf"{_LITERAL}|(?P<word>[^\W\d]\w*)|(?P<mark>{marks})", re.S)

    def apply(self, text: str) -> str:
        """Rename all tokens of a text except numbers and strings."""
        return self._tokens.sub(self._new_name, text)

    def _new_name(self, token: re.Match[str]) -> str:
        if word := token["word"]:
            parts = word.split("_")  # a name must not begin with a digit, so names that end with a number stay
            return self.words.get(word) or (word if parts[-1][:1].isdigit() else "_".join(reversed(parts)))
        return self.marks.get(token["mark"], token[0])


@cache
def _table() -> dict[str, tuple[str, Renaming]]:
    entries = read_yaml(TABLE)
    return {name: (entry["of"], Renaming(entry["words"], entry["marks"])) for name, entry in entries.items()}


def is_invented(language: str) -> bool:
    """Whether a language is an entry of the table."""
    return language in _table()


def real_language(language: str) -> str:
    """Return the language that an invented one renames; for a real language, the language itself."""
    return _table()[language][0] if is_invented(language) else language


def renaming(language: str) -> Renaming:
    """Return the tables of an invented language."""
    return _table()[language][1]
