"""Sentences of Universal Dependencies with their parts of speech, out of treebanks in their own format (CoNLL-U).

The rows are those of XTREME (Hu et al. 2020, arXiv 2003.11080; google-research/xtreme scripts/download_data.sh,
third_party/ud-conversion-tools and utils_preprocess.py): treebanks are chosen by the language code that their files
begin with, and a multi-word token (``zum``, ids 3-4) is one token with the tag of its words' head.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.published_counts import record_counts
from codestilts.examples.readers.hub_tables import languages_of, with_code
from codestilts.examples.sampling import Inputs, Settings, sample_rows
from codestilts.sources.archive import matches

COLUMNS = 10
BLANKS = str.maketrans("", "", " \N{ZERO WIDTH NON-JOINER}")  # XTREME takes them out of a word
# Among words of a multi-word token that hang equally high the first tag of the list wins (ud-conversion-tools).
RANKS = {
    "es": ("VERB", "AUX", "PRON", "ADP", "DET"),
    "fr": ("VERB", "AUX", "PRON", "NOUN", "ADJ", "ADV", "ADP", "DET", "PART", "SCONJ", "CONJ"),
    "it": ("VERB", "AUX", "ADV", "PRON", "ADP", "DET", "INTJ"),
}
RANK = (*("VERB", "NOUN", "PROPN", "PRON", "ADJ", "NUM", "ADV", "INTJ", "AUX", "ADP", "DET", "PART", "CCONJ", "SCONJ"),
        "X", "PUNCT")  # fmt: skip


@dataclass
class Sentence:
    """Its name, the line that begins it, forms and tags by word number, heads, and multi-word tokens by first word."""

    name: str = ""
    line: int = 0
    forms: dict[int, str] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    heads: dict[int, set[int]] = field(default_factory=dict)
    fused: dict[int, tuple[int, str]] = field(default_factory=dict)  # last word, form


def pos_tagging(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Tokens and tags of every sentence that has words: ``read`` names the files of an archive and their split.

    ``{code}`` in ``files`` is a language's code, so ``*/de_*-ud-test*.conllu`` are all test files of German treebanks.
    The sentences of the PUD treebanks are the same in all languages and share their cluster. Raises
    :class:`CodeStiltsError` for a pattern without a file and for a line that is no CoNLL-U, with file and line.
    """
    frames = [pd.DataFrame(columns=["id", "tokens", "tags", "cluster", "package", "split", "language"])]
    for entry in settings["read"]:
        with zipfile.ZipFile(inputs[entry["source"]]) as archive:
            for language in languages_of(entry, settings):
                code = str(settings.get("codes", {}).get(language, language))
                pattern = with_code(entry, code)["files"]
                names = sorted(name for name in archive.namelist() if matches(name, (pattern,)))
                if not names:
                    raise CodeStiltsError(
                        f"task {settings['task']}: no file of {entry['source']} matches {pattern}: see its row of "
                        "sources.csv (keep), or take the language from the task's languages"
                    )
                parts = [file_examples(archive.read(name), name, code, settings["task"]) for name in names]
                frame = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)
                record_counts({language: len(frame)}, entry, settings)
                frames.append(frame.assign(split=entry["as"], language=language, package=entry["source"]))
    return sample_rows(pd.concat(frames, ignore_index=True), settings)


def file_examples(content: bytes, file: str, code: str, task: str) -> list[dict[str, Any]]:
    """The examples of one file: id, cluster, tokens, tags; a sentence whose words are not given (``_``) has none."""
    stem = Path(file).stem
    found = []
    for sentence in parse_sentences(content, f"task {task}: {file}"):
        tokens, tags = merge_multiword_tokens(sentence, RANKS.get(code, RANK))
        hidden = tokens.count("_")
        if tokens and (hidden == 0 or hidden < len(tokens) - 1):  # the condition of utils_preprocess.py
            parallel = f"pud:{sentence.name}" if "_pud-" in stem and sentence.name else ""
            name = f"{stem}:{sentence.line}"
            tokens = [token.translate(BLANKS) or token for token in tokens]
            found.append({"id": name, "cluster": parallel or name, "tokens": tokens, "tags": tags})
    return found


def parse_sentences(content: bytes, where: str) -> Iterator[Sentence]:
    """The sentences of a file; comments are left out but for ``sent_id``, and empty nodes (``8.1``) too."""
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
            _add(sentence, line.split("\t"), f"{where}, line {number}")
        elif sentence.line:
            if max([0, *(last for last, _ in sentence.fused.values())]) > len(sentence.forms):
                raise CodeStiltsError(f"{where}, line {number}: the sentence ends within a multi-word token")
            yield sentence
            sentence = Sentence()


def _add(sentence: Sentence, cells: list[str], where: str) -> None:
    if len(cells) != COLUMNS:
        raise CodeStiltsError(f"{where}: {len(cells)} columns instead of {COLUMNS}: is it CoNLL-U?")
    name, form, tag, head, enhanced = cells[0], cells[1].strip(), cells[3].strip(), cells[6], cells[8]
    first, dash, last = name.partition("-")
    if "." in name:
        return  # a node without a form, of enhanced dependencies
    if not first.isdigit() or (dash and not (last.isdigit() and int(first) < int(last))):
        raise CodeStiltsError(f"{where}: {name!r} is no word's number: 5, 5-6 or 5.1")
    if int(first) != len(sentence.forms) + 1:
        raise CodeStiltsError(f"{where}: word {name} where {len(sentence.forms) + 1} should stand")
    if dash:
        sentence.fused[int(first)] = (int(last), form)
        return
    heads = [head, *(part.partition(":")[0] for part in enhanced.split("|"))]
    sentence.forms[int(first)], sentence.tags[int(first)] = form, tag
    sentence.heads[int(first)] = {int(each) for each in heads if each.isdigit()}


def merge_multiword_tokens(sentence: Sentence, rank: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tokens and their tags: the words, but of the words of a multi-word token its form and the tag of their head.

    The head is the word with the fewest ancestors, basic and enhanced dependencies taken together; among equals the
    one whose tag stands first in ``rank`` (ud-conversion-tools, ``_choose_spanhead_from_heuristics``).
    """
    tokens, tags = [], []
    word = 1
    while word <= len(sentence.forms):
        last, form = sentence.fused.get(word, (word, sentence.forms[word]))
        places = [len(_ancestors(sentence, each)) for each in range(word, last + 1)]
        span = [sentence.tags[each] for each in range(word, last + 1)]
        highest = [tag for tag, place in zip(span, places, strict=True) if place == min(places)]
        tokens.append(form)
        tags.append(min(highest, key=lambda tag: rank.index(tag) if tag in rank else len(rank)))
        word = last + 1
    return tokens, tags


def _ancestors(sentence: Sentence, word: int) -> set[int]:
    """All nodes above a word, without itself."""
    found, waiting = set[int](), [word]
    while waiting:
        above = sentence.heads.get(waiting.pop(), set()) - found
        found |= above
        waiting += above
    return found - {word}
