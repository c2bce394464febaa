"""Part-of-speech tagging from treebanks of Universal Dependencies in their own format (CoNLL-U).

The rows are those of XTREME (Hu et al. 2020, arXiv 2003.11080; google-research/xtreme scripts/download_data.sh,
third_party/ud-conversion-tools and utils_preprocess.py): treebanks are chosen by the language code that their file
names begin with, and a multi-word token (``zum``, ids 3-4) is one token with the tag of its words' head.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Entry, Inputs, languages_of
from codestilts.examples.published_counts import record_counts
from codestilts.examples.readers.hub_tables import with_code
from codestilts.examples.sampling import sample_rows
from codestilts.job_files import open_zip
from codestilts.sources.archive import matches

FIELDS = 10  # of a line, as CoNLL-U defines it
BLANKS = str.maketrans("", "", " \N{ZERO WIDTH NON-JOINER}")  # XTREME removes them from words
# The order of tags, by language code, that decides between equally high words of a multi-word token
# (ud-conversion-tools); RANK for other languages.
RANKS = {
    "es": ("VERB", "AUX", "PRON", "ADP", "DET"),
    "fr": ("VERB", "AUX", "PRON", "NOUN", "ADJ", "ADV", "ADP", "DET", "PART", "SCONJ", "CONJ"),
    "it": ("VERB", "AUX", "ADV", "PRON", "ADP", "DET", "INTJ"),
}
RANK = (*("VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ"),
        "X", "PUNCT")  # fmt: skip


@dataclass
class Sentence:
    """A sentence of a treebank.

    Attributes:
        name: Its ``sent_id``, or "".
        line: The number of its first line.
        forms, tags: The form and tag of each word, by its number from 1.
        heads: The heads of each word, in basic and enhanced dependencies.
        multiword: The last word and the form of each multi-word token, by its first word.
    """

    name: str = ""
    line: int = 0
    forms: dict[int, str] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    heads: dict[int, set[int]] = field(default_factory=dict)
    multiword: dict[int, tuple[int, str]] = field(default_factory=dict)


def pos_tagging(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tag the tokens of every sentence that has words; ``read`` names the files of an archive and their split.

    ``{code}`` in ``files`` is a language's code: ``*/de_*-ud-test*.conllu`` are all test files of German treebanks. The
    sentences of the PUD treebanks are the same in all languages and share their cluster.

    Raises:
        CodeStiltsError: A pattern matches no file, or a line is not CoNLL-U.
    """
    frames = [pd.DataFrame(columns=["id", "tokens", "tags", "cluster", "package", "split", "language"])]
    for entry in settings.read:
        with open_zip(inputs.files[entry["source"]]) as archive:
            for language in languages_of(entry, settings.languages, settings.source_language):
                frame = _read_treebanks(archive, entry, language, settings)
                record_counts({language: len(frame)}, entry, settings)
                frames.append(frame.assign(split=entry["as"], language=language, package=entry["source"]))
    return sample_rows(pd.concat(frames, ignore_index=True), settings)


def _read_treebanks(archive: zipfile.ZipFile, entry: Entry, language: str, settings: BuilderSettings) -> pd.DataFrame:
    """The examples of all files of one language that an entry of ``read`` matches."""
    code = settings.code_of(language)
    pattern = with_code(entry, code)["files"]
    names = sorted(name for name in archive.namelist() if matches(name, (pattern,)))
    if not names:
        raise CodeStiltsError(
            f"task {settings.task}: no file of {entry['source']} matches {pattern}: correct its row of sources.csv "
            "(keep), or remove the language from the task's languages"
        )
    parts = [file_examples(archive.read(name), name, code, settings.task) for name in names]
    return pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)


def file_examples(content: bytes, file: str, code: str, task: str) -> list[dict[str, Any]]:
    """Return the examples of one file: id, cluster, tokens, tags. Sentences without given words (``_``) have none."""
    stem = Path(file).stem
    examples = []
    for sentence in parse_sentences(content, f"task {task}: {file}"):
        tokens, tags = merge_multiword_tokens(sentence, RANKS.get(code, RANK))
        missing = tokens.count("_")
        if tokens and (missing == 0 or missing < len(tokens) - 1):  # the condition of utils_preprocess.py
            parallel = f"pud:{sentence.name}" if "_pud-" in stem and sentence.name else ""
            name = f"{stem}:{sentence.line}"
            tokens = [token.translate(BLANKS) or token for token in tokens]
            examples.append({"id": name, "cluster": parallel or name, "tokens": tokens, "tags": tags})
    return examples


def parse_sentences(content: bytes, where: str) -> Iterator[Sentence]:
    """Yield the sentences of a file; comments other than ``sent_id`` and empty nodes (``8.1``) are skipped.

    Raises:
        CodeStiltsError: The file is not UTF-8 or not CoNLL-U; the message begins with ``where``.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CodeStiltsError(f"{where}: is not in UTF-8 ({error}): fetch it again") from error
    sentence = Sentence()
    for number, line in enumerate([*text.replace("\r\n", "\n").split("\n"), ""], 1):
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            sentence.name = value.strip() if key.strip() == "sent_id" else sentence.name
        elif line.strip():
            sentence.line = sentence.line or number
            _add_line(sentence, line.split("\t"), f"{where}, line {number}")
        elif sentence.line:
            if max([0, *(last for last, _ in sentence.multiword.values())]) > len(sentence.forms):
                raise CodeStiltsError(
                    f"{where}, line {number}: the sentence ends within a multi-word token: fetch it again"
                )
            yield sentence
            sentence = Sentence()


def _add_line(sentence: Sentence, values: list[str], where: str) -> None:
    if len(values) != FIELDS:
        raise CodeStiltsError(f"{where}: {len(values)} columns instead of {FIELDS}: use a file in CoNLL-U")
    name, form, tag, head, enhanced = values[0], values[1].strip(), values[3].strip(), values[6], values[8]
    first, dash, last = name.partition("-")
    if "." in name:
        return  # an empty node of enhanced dependencies
    if not first.isdigit() or (dash and not (last.isdigit() and int(first) < int(last))):
        raise CodeStiltsError(f"{where}: {name!r} is no word's number: use 5, 5-6 or 5.1")
    if int(first) != len(sentence.forms) + 1:
        raise CodeStiltsError(f"{where}: word {name} instead of {len(sentence.forms) + 1}: fetch the file again")
    if dash:
        sentence.multiword[int(first)] = (int(last), form)
        return
    heads = [head, *(part.partition(":")[0] for part in enhanced.split("|"))]
    sentence.forms[int(first)], sentence.tags[int(first)] = form, tag
    sentence.heads[int(first)] = {int(number) for number in heads if number.isdigit()}


def merge_multiword_tokens(sentence: Sentence, rank: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return tokens and tags; a multi-word token replaces its words and has the tag of their head.

    The head is the word with the fewest ancestors in basic and enhanced dependencies; among equals the one whose tag is
    first in ``rank`` (ud-conversion-tools, ``_choose_spanhead_from_heuristics``).
    """
    tokens, tags = [], []
    word = 1
    while word <= len(sentence.forms):
        last, form = sentence.multiword.get(word, (word, sentence.forms[word]))
        depths = {number: len(_ancestors(sentence, number)) for number in range(word, last + 1)}
        highest = [sentence.tags[number] for number, depth in depths.items() if depth == min(depths.values())]
        tokens.append(form)
        tags.append(min(highest, key=lambda tag: rank.index(tag) if tag in rank else len(rank)))
        word = last + 1
    return tokens, tags


def _ancestors(sentence: Sentence, word: int) -> set[int]:
    """All nodes above a word, without itself."""
    ancestors, waiting = set[int](), [word]
    while waiting:
        above = sentence.heads.get(waiting.pop(), set()) - ancestors
        ancestors |= above
        waiting += above
    return ancestors - {word}
