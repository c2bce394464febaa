"""In which language a generated text is: identified for natural languages, parsed for programming languages.

Zero-shot generation often answers in the wrong language, usually that of fine-tuning (Chirkova, Liang and Nikoulina
2023, arXiv 2310.09917). A line of code is often right in several languages, so an output is in the language that it has
to be in if it fits there, and in another one only if it does not.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from codestilts.columns import MASK
from codestilts.examples.parsing.definitions import parses
from codestilts.examples.parsing.languages import is_programming_language
from codestilts.examples.parsing.natural_languages import identified_languages
from codestilts.invented import is_invented, real_language, renaming

if TYPE_CHECKING:
    from lingua import LanguageDetector

# By how much the most likely natural language has to be more likely than the second, which depends little on how many
# there are. On 8,980 texts without markup of Django 5.2's translations into the 17 languages of XQuAD and TyDiQA, of
# the multiples of 0.1 this one has the largest difference of the shares found rightly and wrongly. Of texts in Latin
# script with 40 characters or more, 99.8 % are then found rightly and 0.2 % wrongly; with 20 to 39, 96 % and 1 %; with
# 10 to 19, 88 % and 3 %; with 5 to 9, 78 % and 5 %; with fewer, 47 % and 6 %. In other scripts, 98 % of all are found
# rightly, however short (Hindi, which Marathi is close to: 91 %). Names are hard: of 263 territories (Unicode's CLDR),
# 29 % (Vietnamese) to 60 % (Spanish) are found rightly in Latin script, 92 % or more in others.
MARGIN = 0.4
# Natural languages that an output may be in whatever the study has: those in which a task generates, and others of
# much text that are close to one of these. With English and the right language alone, 14 % of XQuAD's questions and of
# Tatoeba's sentences (36 languages) in a third one pass for one of ten right ones in Latin script; with these, 0.1 %
# and 4 %. The models of all 75 languages of lingua would take 1.3 GB and 15 s to load instead of 0.55 GB and 4 s. If
# the languages of the row did not decide where these do not, 12 % of Tatoeba's sentences in the ten languages and 49 %
# of XQuAD's answers in them would not be found to be in their own, instead of 1 % and 35 %.
CANDIDATES = (
    *("arabic", "bengali", "chinese", "dutch", "english", "finnish", "french", "german", "greek", "hindi"),
    *(
        "indonesian",
        "italian",
        "japanese",
        "korean",
        "marathi",
        "persian",
        "polish",
        "portuguese",
        "russian",
        "spanish",
    ),
    *("swahili", "swedish", "tamil", "telugu", "thai", "turkish", "ukrainian", "urdu", "vietnamese", "yoruba"),
)
# What English is told from if it is the only natural language of a row: languages of much text that encoders have read.
COMMON = ("chinese", "german", "russian", "spanish")
# Marks of code in a description. Of 7,221 references of `describe`, in which authors quote code, 5 % have one, of which
# .5 % parse as Python; .9 % have more than one to five words, as do 78 % (Rust) to 91 % (Go) of lines of code.
_MARK = re.compile(r"[=;{}]|\w[(\[]|[:,]\s*$|^@")
# Shorter lines may have none: a keyword and up to three other words, or a name that is joined from several.
_KEYWORDS = (
    "assert|await|break|class|const|continue|del|elif|else|except|finally|fn|for|from|func|global|if|import|let|pass|"
    "raise|return|throw|try|val|var|while|with|yield"
)
_STATEMENT = re.compile(rf"\s*(?:(?:{_KEYWORDS})\b(?:\s*\S+){{0,3}}|\S*[^\W\d](?:[._]|::|->)\w\S*)\s*")
WORDS_PER_MARK = 5
_WORD = re.compile(r"\w")
# Word-piece tokenizers write "a == b_c" as "a = = b _ c": spaces between marks, and around what is part of a name.
_BETWEEN_MARKS = re.compile(r"(?<=[^\w\s]) (?=[^\w\s])")
_SPACED_UNDERSCORE = re.compile(r" ?_ ?")
_SPACED_DOT = re.compile(r" +(\.|::|->) *")
# What completes a line so that it parses alone: the end of a statement or of a block, or, in Python, the body of one.
# With them, 90 % (Swift) to 100 % of the references of `complete` parse alone in their language.
_FRAMES = ("{}\n", "{};\n", "{}\n}\n")
_PYTHON_FRAMES = ("{}\n", "{}\n    pass\n", "if a:\n    pass\n{}\n    pass\n", "try:\n    pass\n{}\n    pass\n")


class _Row(NamedTuple):
    """A generated text, and the example that it answers."""

    prediction: str
    gold: str
    source: str
    language: str
    output_language: str


def found_languages(predictions: pd.DataFrame, source_language: str) -> list[str]:
    """Find the language of each output.

    Natural languages are identified by lingua-language-detector among :data:`CANDIDATES` and the languages of the row,
    which are those of its input and output, the source language and English. Where these do not decide, the languages
    of the row alone do; if there is only one, it is compared with :data:`COMMON`, none of which is found then. So no
    other row has a part in it, and a third language is found where it is likely enough. One that lingua lacks is never
    found. Where a function is described, an output that has a mark of code or is a short statement is in the language
    of the function if it parses there, otherwise in the source language if it parses there. One that parses in neither
    and has a mark of code for fewer than :data:`WORDS_PER_MARK` words is in none.

    An output in a programming language takes the place of the mask in ``source``; if the text then parses, it is in the
    language of that text. Otherwise it is in the language of the input or the source language if it parses there, by
    itself. In an invented language, it also has no word or mark of the real one. A source that does not parse even with
    the reference decides nothing; that of ``repair`` is parsed without its first line, which is a copy of the buggy
    one. An output without a mask in its source stands alone. Grammars are lenient: Python's hardly minds indentation,
    and Kotlin's takes many a sentence for calls.

    Word-piece tokenizers put spaces between marks, so a line is also tried without them. Of references of `complete`
    without capitals and with such spaces, 89 % (TypeScript) to 100 % then fit, but only 10 % (PHP) to 84 % as they are.

    Args:
        predictions: Rows with ``prediction``, ``gold``, ``source``, ``language`` and ``output_language``.
        source_language: The language of fine-tuning, of which the outputs may be instead.

    Returns:
        A language for each row; "" if it cannot be told, as for a text without a letter or digit.
    """
    rows = [_Row(*values) for values in zip(*(predictions[name] for name in _Row._fields), strict=True)]
    return [_found(row, source_language) for row in rows]


def _found(row: _Row, source_language: str) -> str:
    if not _WORD.search(row.prediction):
        return ""
    others = [name for name in (row.language, source_language) if is_programming_language(name)]
    if not is_programming_language(row.output_language):
        names = {row.language, row.output_language, source_language, "english"}
        spoken = tuple(sorted(name for name in names if not is_programming_language(name)))
        return _found_in_words(row.prediction, others, spoken)
    context = _context(row.source, row.gold, row.output_language)
    if not context:
        return ""
    if _fits(context, row.prediction, row.output_language):
        return row.output_language
    return next((name for name in others if name != row.output_language and _parses_alone(row.prediction, name)), "")


def _found_in_words(text: str, codes: list[str], spoken: tuple[str, ...]) -> str:
    """The language of what has to be natural, but may be code instead if the input or the source language is code."""
    if found := next((name for name in codes if _may_be_code(text, name) and _parses_alone(text, name)), ""):
        return found
    broken = codes and len(_MARK.findall(text)) * WORDS_PER_MARK > len(text.split())
    return "" if broken else _identify(text, spoken)


def _may_be_code(text: str, name: str) -> bool:
    """Whether a text has a mark of code or is a short statement; in lenient grammars, many a sentence parses too."""
    text = renaming(name).inverse.apply(text) if is_invented(name) else text
    short = any(_STATEMENT.fullmatch(_SPACED_DOT.sub(r"\1", spelling)) for spelling in _spellings(text))
    return short or bool(_MARK.search(text))


@lru_cache(maxsize=1 << 14)
def _context(source: str, gold: str, name: str) -> str:
    """The part of a source in which its reference parses; "" if there is none."""
    parts = [source, source.partition("\n")[2]] if MASK in source else [MASK]
    return next((part for part in parts if MASK in part and _fits(part, gold, name)), "")


def _fits(context: str, text: str, name: str) -> bool:
    """Whether a context parses with a text in place of its mask, which is nothing but the mask if the text is alone."""
    if context == MASK:
        return _parses_alone(text, name)
    return any(_parses_within(context, spelling, name) for spelling in _spellings(text))


def _parses_within(context: str, text: str, name: str) -> bool:
    """Whether a context parses with exactly this text in place of its mask."""
    if not is_invented(name):
        return parses(context.replace(MASK, text), name)
    restore = renaming(name).inverse.apply
    filled = restore(text).join(map(restore, context.split(MASK)))
    return _is_renamed(text, name) and parses(filled, real_language(name))


def _spellings(text: str) -> set[str]:
    """A text, and what it is without the spaces that a word-piece tokenizer may have put between its marks."""
    return {text, _SPACED_UNDERSCORE.sub("_", _BETWEEN_MARKS.sub("", text))}


def _parses_alone(text: str, name: str) -> bool:
    """Whether a text parses by itself as a statement, an expression, the header of a block, or a program."""
    real = real_language(name)
    frames = [frame.replace("{}", MASK) for frame in (_PYTHON_FRAMES if real == "python" else _FRAMES)]
    return any(_parses_within(frame, spelling, name) for spelling in _spellings(text) for frame in frames)


def _is_renamed(text: str, name: str) -> bool:
    """Whether a text has no word or mark of the real language that an invented one renames."""
    names = renaming(name)
    return names.apply(names.inverse.apply(text)) == text


@lru_cache(maxsize=1 << 14)
def _identify(text: str, names: tuple[str, ...]) -> str:
    """The natural language of a text that should be in one of these, or "" if none is likely enough."""
    if found := _detector(tuple(sorted({*CANDIDATES, *names}))).detect_language_of(text):
        return found.name.lower()
    own = _detector(names).detect_language_of(text)
    return own.name.lower() if own and own.name.lower() in names else ""


@lru_cache(maxsize=1 << 7)
def _detector(names: tuple[str, ...]) -> "LanguageDetector":
    """What identifies these languages; those that lingua lacks are left out. All detectors share their models."""
    from lingua import LanguageDetectorBuilder

    known = identified_languages()
    found = [name for name in names if name in known]
    candidates = [known[name] for name in (found if len(found) > 1 else [*found, *COMMON])]
    return LanguageDetectorBuilder.from_languages(*candidates).with_minimum_relative_distance(MARGIN).build()
